//! A real API server with its etcd, one for the whole test process: started on first use, shared by every test (each in
//! a namespace of its own), and gone with the process however that ends. There is no kubelet: pods never run. Only a
//! `managed` cluster has a controller manager: in the others nothing is garbage collected, and a deleted namespace stays.

mod namespace;
mod server;

pub use namespace::Namespace;

use super::flaky_proxy::FlakyProxy;
use super::workspace::{Invocation, wait_until};
use kube::config::{KubeConfigOptions, Kubeconfig};
use server::Server;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Users the server knows by token, and the group each is in. Who is in none may do what a test binds to them.
const USERS: [(&str, &str); 5] =
    [("admin", "system:masters"), ("controller", ""), ("editor", ""), ("approver", ""), ("viewer", "")];

/// An API server, and the ways to reach it.
pub struct Cluster {
    server: Server,
    namespaces: AtomicUsize,
}

impl Cluster {
    /// The one of this process, with the definitions of `crds/`.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Self::empty();
            cluster.define();
            cluster
        })
    }

    /// A new one without any definition of ours; it ends when it is dropped.
    pub fn empty() -> Self {
        Self::start(false)
    }

    /// A new one with our definitions, in which deleted namespaces go, and what a deleted object owned; it ends when it
    /// is dropped.
    pub fn managed() -> Self {
        let cluster = Self::start(true);
        cluster.define();
        cluster
    }

    fn start(is_managed: bool) -> Self {
        let tokens: Vec<_> =
            USERS.map(|(user, group)| (user, group, uuid::Uuid::new_v4().to_string())).into();
        let rows: String = tokens
            .iter()
            .map(|(user, group, token)| match *group {
                "" => format!("{token},{user},{user}\n"),
                group => format!("{token},{user},{user},\"{group}\"\n"),
            })
            .collect();
        let server = Server::start(&rows, &tokens[0].2, is_managed);
        let cluster = Self { server, namespaces: AtomicUsize::new(0) };
        for (user, _, token) in &tokens {
            cluster.server.write_kubeconfig(user, token);
        }
        cluster
    }

    /// Applies `crds/`, and waits until every kind of it is served.
    pub fn define(&self) {
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        self.kubectl(&["apply", "--server-side", "-f", crds]).run().expect(0);
        self.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "-f", crds]).run().expect(0);
        let plurals: Vec<String> = std::fs::read_dir(crds)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        wait_until("every kind is served", || {
            let served = self.kubectl(&["get", "--raw", "/apis/koreconcile.dev/v1alpha1"]).run();
            plurals.iter().all(|plural| served.stdout.contains(&format!("\"name\":\"{plural}\"")))
        });
        // What kubectl has noted down so far does not know our category.
        std::fs::remove_dir_all(self.home().join(".kube")).unwrap();
    }

    /// May do everything. Belongs to the runtime that asks for it.
    pub fn admin(&self) -> kube::Client {
        self.client_as("admin")
    }

    /// One of the users: admin, controller, editor, approver, viewer, or a service account. Belongs to the runtime
    /// that asks for it.
    pub fn client_as(&self, user: &str) -> kube::Client {
        let config = Kubeconfig::read_from(self.kubeconfig(user)).unwrap();
        let options = KubeConfigOptions::default();
        // Nothing in this file makes it wait.
        let config = futures::executor::block_on(kube::Config::from_custom_kubeconfig(config, &options));
        kube::Client::try_from(config.unwrap()).unwrap()
    }

    /// For kubectl, helm and `koreconcile controller`.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.server.kubeconfig(user)
    }

    /// The file of a user, by another way.
    pub fn kubeconfig_through(&self, user: &str, flaky_proxy: &FlakyProxy) -> PathBuf {
        self.server.kubeconfig_through(user, flaky_proxy.port())
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Makes a service account that exists, such as the chart's, a user: gives the name by which it is one here.
    pub fn service_account(&self, namespace: &str, name: &str) -> String {
        let token = self.kubectl(&["create", "token", name, "-n", namespace]).run().expect(0);
        let user = format!("{namespace}.{name}");
        self.server.write_kubeconfig(&user, token.stdout.trim());
        user
    }

    /// A new namespace, whose name begins so.
    pub fn namespace(&self, prefix: &str) -> Namespace<'_> {
        let name = format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).run().expect(0);
        Namespace::new(self, name)
    }

    /// Prepares `kubectl ARGS` by the admin.
    pub fn kubectl(&self, args: &[&str]) -> Invocation {
        self.kubectl_as("admin", args)
    }

    /// Prepares `kubectl ARGS` by a user.
    pub fn kubectl_as(&self, user: &str, args: &[&str]) -> Invocation {
        self.tool("kubectl", user, args)
    }

    /// Prepares `helm ARGS` by the admin.
    pub fn helm(&self, args: &[&str]) -> Invocation {
        self.tool("helm", "admin", args)
    }

    fn tool(&self, program: &str, user: &str, args: &[&str]) -> Invocation {
        let mut command = Command::new(built(program));
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("HOME", self.home())
            .env("KUBECONFIG", self.kubeconfig(user));
        let line = args.iter().fold(program.to_owned(), |line, arg| line + " " + *arg);
        Invocation::new(command, line, self.server.folder())
    }

    fn home(&self) -> PathBuf {
        self.server.folder().join("home")
    }
}

/// A program that `scripts/envtest.sh` builds.
pub fn built(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/envtest").join(program);
    assert!(path.exists(), "there is no {}: run scripts/envtest.sh (`make test` does)", path.display());
    path
}
