//! A namespace of one test.

use super::Cluster;
use crate::support::workspace::Invocation;

/// A namespace nobody else works in.
pub struct Namespace<'c> {
    cluster: &'c Cluster,
    pub name: String,
}

impl<'c> Namespace<'c> {
    pub(super) fn new(cluster: &'c Cluster, name: String) -> Self {
        Self { cluster, name }
    }

    /// Prepares `kubectl ARGS` in it, by the admin.
    pub fn kubectl(&self, args: &[&str]) -> Invocation {
        self.kubectl_as("admin", args)
    }

    /// Prepares `kubectl ARGS` in it, by a user.
    pub fn kubectl_as(&self, user: &str, args: &[&str]) -> Invocation {
        self.cluster.kubectl_as(user, &[args, &["--namespace", &self.name]].concat())
    }

    /// Prepares `kubectl apply` of these documents.
    pub fn apply(&self, documents: &str) -> Invocation {
        self.kubectl(&["apply", "-f", "-"]).input(documents)
    }
}
