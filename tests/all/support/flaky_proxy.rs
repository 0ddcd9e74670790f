//! A way to a server that can be pulled out and plugged in again: what goes through it is passed on untouched.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Both ends of every connection that runs through; `None` while it is out.
type Ends = Arc<Mutex<Option<Vec<TcpStream>>>>;

/// A port of its own that leads to a server.
pub struct FlakyProxy {
    port: SocketAddr,
    ends: Ends,
}

impl FlakyProxy {
    /// Leads to `server`. Its port is taken for as long as the process lives.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let flaky_proxy = Self { port: listener.local_addr().unwrap(), ends: Arc::default() };
        flaky_proxy.plug_in();
        let ends = Arc::clone(&flaky_proxy.ends);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // A server that is away looks like a cable that is out.
                let _ = connect(&near, server, &ends);
            }
        });
        flaky_proxy
    }

    /// Where to connect to.
    pub fn port(&self) -> SocketAddr {
        self.port
    }

    /// Ends every connection there is, and each that is tried from now on.
    pub fn pull(&self) {
        for end in self.ends.lock().unwrap().take().into_iter().flatten() {
            // It may be gone already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through.
    pub fn plug_in(&self) {
        self.ends.lock().unwrap().get_or_insert_default();
    }
}

fn connect(near: &TcpStream, server: SocketAddr, ends: &Ends) -> io::Result<()> {
    let mut ends = ends.lock().unwrap();
    let Some(ends) = ends.as_mut() else { return Ok(()) };
    let far = TcpStream::connect(server)?;
    ends.extend([near.try_clone()?, far.try_clone()?]);
    for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far, near.try_clone()?)] {
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
