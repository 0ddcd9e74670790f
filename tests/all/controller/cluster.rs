//! What the controller's tests start is gone with them.

use crate::support::workspace::wait_until;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `serve.sh` with programs that only say who they are, and wait.
fn serve(root: &Path) -> Child {
    let (folder, programs) = (root.join("folder"), root.join("programs"));
    for made in [&folder, &programs] {
        std::fs::create_dir(made).unwrap();
    }
    for program in ["etcd", "kube-apiserver"] {
        let path = programs.join(program);
        let pid = root.join(program);
        let text = format!("#!/bin/sh\necho $$ >{0}.new && mv {0}.new {0}\nexec sleep 1000\n", pid.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let serve = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/envtest/serve.sh"))
        .args([&folder, &programs])
        .args(["1", "2", "3"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("both have started", || root.join("etcd").exists() && root.join("kube-apiserver").exists());
    serve
}

fn signal(root: &Path, program: &str, signal: &str) -> bool {
    let pid = std::fs::read_to_string(root.join(program)).unwrap();
    let kill = format!("kill -{signal} {pid}");
    Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn is_gone_when_nobody_holds_it() {
    let root = tempfile::tempdir().unwrap();
    let mut serve = serve(root.path());
    assert!(signal(root.path(), "etcd", "0") && signal(root.path(), "kube-apiserver", "0"));
    // What the end of the holder does, by whatever signal.
    drop(serve.stdin.take());
    assert!(serve.wait().unwrap().success());
    assert!(!signal(root.path(), "etcd", "0") && !signal(root.path(), "kube-apiserver", "0"));
    assert!(!root.path().join("folder").exists());
}

#[test]
fn ends_as_a_whole_and_leaves_its_logs_when_a_part_ends() {
    for (ends, other) in [("etcd", "kube-apiserver"), ("kube-apiserver", "etcd")] {
        let root = tempfile::tempdir().unwrap();
        let mut serve = serve(root.path());
        // To wait would let go of it.
        let _held = serve.stdin.take();
        assert!(signal(root.path(), ends, "KILL"));
        assert_eq!(serve.wait().unwrap().code(), Some(1));
        assert!(!signal(root.path(), other, "0"));
        assert!(root.path().join("folder").join(format!("{other}.log")).exists());
    }
}
