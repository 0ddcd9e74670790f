//! A process, its wall time and the most memory it held.

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a process took.
pub struct Measured {
    pub seconds: f64,
    /// High-water mark of resident memory; 0 where the system does not tell (it is read from `/proc`).
    pub peak_mib: f64,
    pub output: Output,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Measured {
    let start = Instant::now();
    let child: Child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (id, is_over) = (child.id(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        // The mark only grows, so the last look before the end is all that counts.
        let watch = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !is_over.load(Ordering::Relaxed) {
                peak = peak.max(peak_mib(&id.to_string()));
                std::thread::sleep(Duration::from_millis(3));
            }
            peak
        });
        let output = child.wait_with_output().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        Measured { seconds, peak_mib: watch.join().unwrap(), output }
    })
}

/// The high-water mark of a process (`self` for this one), as Linux keeps it.
pub fn peak_mib(process: &str) -> f64 {
    memory_mib(process, "VmHWM:")
}

/// What a process holds now.
pub fn resident_mib(process: &str) -> f64 {
    memory_mib(process, "VmRSS:")
}

fn memory_mib(process: &str, name: &str) -> f64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { return 0.0 };
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.unwrap_or_default() / 1024.0
}
