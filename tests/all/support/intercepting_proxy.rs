//! A door between the program and a served account, at which one call can be stopped: before it arrives, or with its
//! answer unread.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where a call is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The platform never sees it.
    Before,
    /// The platform has executed it, and nobody hears the answer.
    During,
}

/// What went through.
#[derive(Clone, Debug, Default)]
pub struct ObservedCalls {
    /// Every call that came, as `POST /api/public/users`.
    pub came: Vec<String>,
    /// Those whose answer was handed back.
    pub answered: Vec<String>,
}

impl ObservedCalls {
    /// Writes among these calls; an upload and its import are one.
    pub fn writes(calls: &[String], marks: &str) -> usize {
        let is_write = |call: &&String| {
            !call.starts_with("GET") && !call.ends_with("/usersInfo") && !call.ends_with(marks)
        };
        calls.iter().filter(is_write).count()
    }

    /// Writes that were begun.
    pub fn begun(&self) -> usize {
        Self::writes(&self.came, "/roles/import")
    }

    /// Writes whose answer arrived.
    pub fn heard(&self) -> usize {
        Self::writes(&self.answered, "/uploadfile")
    }
}

pub struct InterceptingProxy {
    pub url: String,
    passed: Arc<Mutex<ObservedCalls>>,
    stopped: Receiver<()>,
    is_closed: Arc<AtomicBool>,
}

struct ProxyState {
    target: String,
    passed: Arc<Mutex<ObservedCalls>>,
    stop_at: Option<(usize, Stop)>,
    stopped: Mutex<Sender<()>>,
}

impl InterceptingProxy {
    /// To a served account; the call of that number, from 1, is stopped.
    pub fn to(url: &str, stop_at: Option<(usize, Stop)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url_here = format!("http://{}", listener.local_addr().unwrap());
        let (passed, is_closed) = (Arc::<Mutex<ObservedCalls>>::default(), Arc::new(AtomicBool::new(false)));
        let (stopped, heard) = channel();
        let state = Arc::new(ProxyState {
            target: url.strip_prefix("http://").unwrap().to_owned(),
            passed: Arc::clone(&passed),
            stop_at,
            stopped: Mutex::new(stopped),
        });
        let closed = Arc::clone(&is_closed);
        std::thread::spawn(move || {
            for visitor in listener.incoming().map_while(Result::ok) {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&state);
                std::thread::spawn(move || state.serve(visitor));
            }
        });
        Self { url: url_here, passed, stopped: heard, is_closed }
    }

    /// Waits until the call is stopped.
    pub fn wait(&self) {
        self.stopped.recv_timeout(Duration::from_secs(120)).expect("the call never came");
    }

    pub fn passed(&self) -> ObservedCalls {
        self.passed.lock().unwrap().clone()
    }
}

impl Drop for InterceptingProxy {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
    }
}

impl ProxyState {
    /// Hands on one connection's calls, until either side has enough.
    fn serve(&self, visitor: TcpStream) {
        let mut behind = TcpStream::connect(&self.target).unwrap();
        let (mut from, mut back) = (BufReader::new(visitor.try_clone().unwrap()), visitor);
        let mut answers = BufReader::new(behind.try_clone().unwrap());
        while let Some(call) = message(&mut from) {
            let line = String::from_utf8_lossy(&call);
            let mut words = line.split_whitespace();
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let name = format!("{method} {}", target.split('?').next().unwrap_or_default());
            let number = {
                let mut passed = self.passed.lock().unwrap();
                passed.came.push(name.clone());
                passed.came.len()
            };
            let stop = self.stop_at.filter(|(at, _)| *at == number).map(|(_, stop)| stop);
            if stop == Some(Stop::Before) {
                return self.hold(&mut from);
            }
            if behind.write_all(&call).is_err() {
                return;
            }
            let Some(answer) = message(&mut answers) else { return };
            if stop == Some(Stop::During) {
                return self.hold(&mut from);
            }
            self.passed.lock().unwrap().answered.push(name);
            if back.write_all(&answer).is_err() {
                return;
            }
        }
    }

    /// Says that the call is stopped, and keeps the line until the other side is gone.
    fn hold(&self, from: &mut impl Read) {
        let _ = self.stopped.lock().unwrap().send(());
        let _ = from.read_to_end(&mut Vec::new());
    }
}

/// One HTTP/1.1 message with a stated length.
fn message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut whole, mut length) = (Vec::new(), 0);
    loop {
        let start = whole.len();
        if from.read_until(b'\n', &mut whole).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&whole[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        assert!(!line.starts_with("transfer-encoding:"), "the door knows stated lengths only");
        if line == "\r\n" {
            break;
        }
    }
    let start = whole.len();
    whole.resize(start + length, 0);
    from.read_exact(&mut whole[start..]).ok()?;
    Some(whole)
}
