//! A real browser: Chromium by way of chromedriver, a fresh profile for every test, ended with the test. It finds
//! elements as a person does, looks for barriers with axe-core, and takes pictures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::site::{PASSWORD, Site};

/// How long anything on a page may take to appear.
const BOUND: Duration = Duration::from_secs(20);
/// More browsers at once would only wait for each other.
static SEATS: Semaphore = Semaphore::const_new(2);

/// Width, height and name of the windows that pictures are taken in.
const WINDOWS: [(u32, u32, &str); 2] = [(1280, 800, "desktop"), (390, 844, "phone")];

/// A browser in front of a site.
pub struct Browser {
    pub web: WebDriver,
    url: String,
    driver: Driver,
    _profile: tempfile::TempDir,
    _seat: SemaphorePermit<'static>,
}

/// A chromedriver of this test's own.
struct Driver {
    child: Child,
    port: u16,
    session: String,
}

impl Driver {
    fn start() -> Self {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut child = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {program}: {e}\n  install it with: scripts/browser.sh"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver ended before it listened");
        // What it writes later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port, session: String::new() }
    }
}

impl Drop for Driver {
    /// The driver closes its browser when it is told so, and not when it is killed.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let request = format!(
                "DELETE /session/{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
                self.session
            );
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read_to_string(&mut String::new());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// A fresh browser that has been nowhere.
    pub async fn at(site: &Site) -> Self {
        let seat = SEATS.acquire().await.unwrap();
        let mut driver = Driver::start();
        let profile = tempfile::tempdir().unwrap();
        let mut wishes = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--window-size=1280,800",
        ] {
            wishes.add_arg(argument).unwrap();
        }
        wishes.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        if let Ok(chrome) = std::env::var("CHROME") {
            wishes.set_binary(&chrome).unwrap();
        }
        let web = WebDriver::new(format!("http://127.0.0.1:{}", driver.port), wishes).await.unwrap();
        driver.session = web.handle().session_id().to_string();
        Self { web, url: site.url.clone(), driver, _profile: profile, _seat: seat }
    }

    /// Goes to a path of the site.
    pub async fn open(&self, path: &str) {
        self.web.goto(format!("{}{path}", self.url)).await.unwrap();
    }

    /// Where it is: path and query.
    pub async fn path(&self) -> String {
        let url = self.web.current_url().await.unwrap();
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Waits until it is at that path and the page is complete.
    pub async fn arrives_at(&self, path: &str) {
        let looked = async {
            while self.path().await != path || !self.is_complete().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let is_there = tokio::time::timeout(BOUND, looked).await.is_ok();
        assert!(is_there, "at {} instead of {path}:\n{}", self.path().await, self.text().await);
    }

    async fn is_complete(&self) -> bool {
        let state = self.web.execute("return document.readyState", Vec::new()).await;
        state.is_ok_and(|state| state.json() == "complete")
    }

    /// All that can be read on the page.
    pub async fn text(&self) -> String {
        let text = self.web.execute("return document.body ? document.body.innerText : ''", Vec::new()).await;
        // Between two pages there is nothing to read.
        text.ok().and_then(|text| text.json().as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until the page says so.
    pub async fn reads(&self, text: &str) {
        let looked = async {
            while !self.text().await.contains(text) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let is_there = tokio::time::timeout(BOUND, looked).await.is_ok();
        assert!(is_there, "{text:?} is not on {}:\n{}", self.path().await, self.text().await);
    }

    /// Waits until there is no element of that CSS selector.
    pub async fn lacks(&self, selector: &str) {
        let query = self.web.query(By::Css(selector)).wait(BOUND, Duration::from_millis(10));
        assert!(query.not_exists().await.unwrap(), "{selector} is still there");
    }

    /// The element of that CSS selector, once it is there.
    pub async fn element(&self, selector: &str) -> WebElement {
        let query = self.web.query(By::Css(selector)).wait(BOUND, Duration::from_millis(10));
        query.first().await.unwrap_or_else(|e| panic!("no {selector}: {e}"))
    }

    /// Types into the field of that name, over what stands there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.element(&format!("[name='{name}']")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the button or follows the link that is called so.
    pub async fn press(&self, label: &str) {
        self.press_any("self::button or self::a or self::summary", label).await;
    }

    /// Presses the button that is called so, where a link is called the same.
    pub async fn press_button(&self, label: &str) {
        self.press_any("self::button", label).await;
    }

    async fn press_any(&self, kinds: &str, label: &str) {
        let path = format!(
            "//*[{kinds}][normalize-space()='{label}' or @aria-label='{label}' or span[normalize-space()='{label}']]"
        );
        let query = self.web.query(By::XPath(path)).wait(BOUND, Duration::from_millis(10));
        let found = query.and_displayed().first().await;
        let element = match found {
            Ok(element) => element,
            Err(e) => panic!("no {label:?} on {}: {e}\n{}", self.path().await, self.text().await),
        };
        element.scroll_into_view().await.unwrap();
        element.click().await.unwrap();
    }

    /// Ticks the box, or chooses the option, that has this label.
    pub async fn choose(&self, label: &str) {
        let path = format!("//label[contains(normalize-space(), '{label}')]");
        let query = self.web.query(By::XPath(path)).wait(BOUND, Duration::from_millis(10));
        query.first().await.unwrap().click().await.unwrap();
    }

    /// Fills the sign-in form and sends it.
    pub async fn sign_in(&self, email: &str) {
        self.open("/Admin").await;
        self.fill("email", email).await;
        self.fill("password", PASSWORD).await;
        self.press("Sign in").await;
    }

    /// Looks for barriers in both windows and both colour schemes, and keeps a picture of each:
    /// `target/screenshots/NAME-desktop-light.png`.
    pub async fn inspect(&self, name: &str) {
        for (width, height, window) in WINDOWS {
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            self.tell("Emulation.setDeviceMetricsOverride", size).await;
            for scheme in ["light", "dark"] {
                let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                self.tell("Emulation.setEmulatedMedia", feature).await;
                self.has_no_barriers(&format!("{name} ({window}, {scheme})")).await;
                let picture = self.web.screenshot_as_png().await.unwrap();
                let folder = target().join("screenshots");
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(format!("{name}-{window}-{scheme}.png")), picture).unwrap();
            }
        }
        self.tell("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.tell("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    }

    async fn tell(&self, command: &str, parameters: Value) {
        self.web.cdp().send_raw(command, parameters).await.unwrap();
    }

    /// No serious or critical finding of axe-core, and nothing wider than the window.
    async fn has_no_barriers(&self, what: &str) {
        let axe = target().join("browser/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&axe)
            .unwrap_or_else(|e| panic!("{}: {e}\n  get it with: scripts/browser.sh", axe.display()));
        let run = format!(
            "{axe}; const done = arguments[arguments.length - 1];
             // Colours in the middle of a transition are nobody's.
             Promise.all(document.getAnimations().map((a) => a.finished.catch(() => 0)))
               .then(() => axe.run(document, {{ resultTypes: ['violations'] }}))
               .then((found) => done(found.violations
                 .filter((one) => one.impact === 'serious' || one.impact === 'critical')
                 .map((one) => `${{one.id}}: ${{one.help}}: ${{one.nodes.map((n) => n.html).join(' ')}}`)));"
        );
        let found = self.web.execute_async(run, Vec::new()).await.unwrap();
        assert_eq!(found.json(), &json!([]), "{what}");
        let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wide = self.web.execute(wide, Vec::new()).await.unwrap();
        assert_eq!(wide.json(), &json!(0), "{what} scrolls sideways");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session is ended by `Driver`, so thirtyfour need not.
        let _ = self.web.clone().leak();
        let _ = &self.driver;
    }
}

fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
