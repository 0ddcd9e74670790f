//! The two programs behind a cluster. `tests/envtest/serve.sh` runs them for as long as its standard input is open, and
//! this process holds the other end: when it is gone, by whatever signal, so are they. (A parent-death signal would
//! follow the thread that started them, and every test is a thread.)

use super::built;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the pair may take to be ready, on a busy machine.
const BOUND: Duration = Duration::from_secs(120);
/// Somebody may take a port between our look and the server's.
const ATTEMPTS: usize = 3;

/// An API server with its etcd, gone with this value.
pub(super) struct Server {
    serve: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Server {
    /// Starts the pair, and waits until it is ready for whoever has `token`, a row of `tokens`. `is_managed`: with the
    /// controllers that delete what was in a deleted namespace, or owned by a deleted object.
    pub(super) fn start(tokens: &str, token: &str, is_managed: bool) -> Self {
        let mut failures = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(tokens, token, is_managed) {
                Ok(server) => return server,
                Err(failure) => failures += &failure,
            }
        }
        panic!("the API server does not start:\n{failures}");
    }

    fn attempt(tokens: &str, token: &str, is_managed: bool) -> Result<Self, String> {
        let tools = is_managed.then(|| built("kube-controller-manager").parent().unwrap().to_owned());
        let folder = tempfile::Builder::new().prefix("koreconcile-cluster-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::write(folder.path().join("tokens.csv"), tokens).unwrap();
        let [api, etcd, peer] = free_ports();
        let serve = Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/envtest/serve.sh"))
            .arg(folder.path())
            .arg(servers())
            .args([api, etcd, peer].map(|port| port.to_string()))
            .args(tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the end of the input follows from theirs.
            .process_group(0)
            .spawn()
            .unwrap();
        // From here on it goes with the pair.
        let mut server = Self { serve, folder: folder.keep(), address: ([127, 0, 0, 1], api).into() };
        server.write_kubeconfig("admin", token);
        let from = Instant::now();
        while !server.is_ready() {
            let has_ended = server.serve.try_wait().unwrap().is_some();
            if has_ended || from.elapsed() > BOUND {
                return Err(server.logs());
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        let asked = Command::new(built("kubectl"))
            .args(["get", "--raw", "/readyz", "--request-timeout", "5s"])
            .env("KUBECONFIG", self.kubeconfig("admin"))
            .env("HOME", self.folder.join("home"))
            .output();
        asked.unwrap().status.success()
    }

    fn logs(&self) -> String {
        ["etcd.log", "kube-apiserver.log"]
            .map(|name| {
                let log = std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                format!("--- {name} ---\n{}\n", lines[lines.len().saturating_sub(20)..].join("\n"))
            })
            .concat()
    }

    /// Where the pair keeps its things, removed with it.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file by which a user reaches the server.
    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    /// That file with another address of the server.
    pub(super) fn kubeconfig_through(&self, user: &str, address: SocketAddr) -> PathBuf {
        let text = std::fs::read_to_string(self.kubeconfig(user)).unwrap();
        let path = self.folder.join(format!("{user}.{}.kubeconfig", address.port()));
        std::fs::write(&path, text.replace(&self.address.to_string(), &address.to_string())).unwrap();
        path
    }

    /// Where the API server listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes that file.
    pub(super) fn write_kubeconfig(&self, user: &str, token: &str) {
        let authority = self.folder.join("certs/apiserver.crt");
        let text = format!(
            "apiVersion: v1
kind: Config
clusters: [{{ name: test, cluster: {{ server: https://{address}, certificate-authority: {authority} }} }}]
users: [{{ name: {user}, user: {{ token: {token} }} }}]
contexts: [{{ name: test, context: {{ cluster: test, user: {user} }} }}]
current-context: test
",
            address = self.address,
            authority = authority.display()
        );
        std::fs::write(self.kubeconfig(user), text).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.serve.stdin.take());
        let _ = self.serve.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where kube-apiserver and etcd are.
fn servers() -> PathBuf {
    match std::env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty()) {
        Some(folder) => folder.into(),
        None => built("kube-apiserver").parent().unwrap().to_owned(),
    }
}

/// Ports nobody listens at; held together, so that they differ.
fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.each_ref().map(|listener| listener.local_addr().unwrap().port())
}
