//! A real browser: Chromium by way of chromedriver, a fresh profile for every test, ended with the test. It finds
//! elements as a person does, looks for barriers with axe-core, and takes pictures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::error::WebDriverErrorInner as Refusal;
use thirtyfour::prelude::*;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::console_harness::{ConsoleHarness, PASSWORD};

/// How long anything on a page may take to appear, on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(110);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// More browsers at once would only wait for each other.
static SEATS: Semaphore = Semaphore::const_new(2);

/// Width, height and name of the windows that pictures are taken in.
type Window = (u32, u32, &'static str);
const DESKTOP: Window = (1366, 768, "desktop");
const WIDE: Window = (1920, 1080, "wide");
const TABLET: Window = (768, 1024, "tablet");
const PHONE: Window = (390, 844, "phone");
/// With the colour schemes that are looked at in each.
const WINDOWS: [(Window, &[&str]); 4] =
    [(WIDE, &["light"]), (DESKTOP, &["light", "dark"]), (TABLET, &["light"]), (PHONE, &["light", "dark"])];

/// Has the page note whether what is done next leads to another document: a form that is sent, a link that is followed.
const WATCH: &str = "
    if (!window.leaving) {
      window.leaving = { now: false };
      const note = (event) => { if (!event.defaultPrevented) window.leaving.now = true; };
      window.addEventListener('submit', note);
      window.addEventListener('click', (event) => {
        const link = event.target.closest('a[href]:not([download])');
        const isHere = link && link.hash && link.href.split('#')[0] === location.href.split('#')[0];
        if (link && !isHere) note(event);
      });
    }
    window.leaving.now = false;";

/// What became of it. A fresh document knows nothing of the watch.
const LEAVING: &str =
    "return window.leaving ? (window.leaving.now ? 'leaving' : 'here') : document.readyState";

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
    /// A fresh browser that has been nowhere, in front of the console.
    pub async fn at(harness: &ConsoleHarness) -> Self {
        Self::start(&harness.url).await
    }

    /// A fresh browser, in front of no site.
    pub async fn alone() -> Self {
        Self::start("about:blank").await
    }

    async fn start(url: &str) -> Self {
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
            // Colours in the middle of a transition are nobody's.
            "--force-prefers-reduced-motion",
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
        web.set_script_timeout(BOUND).await.unwrap();
        Self { web, url: url.to_owned(), driver, _profile: profile, _seat: seat }
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
        let is_there = waited(async || self.path().await == path && self.is_complete().await).await;
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

    /// The page as it is now, in HTML.
    pub async fn source(&self) -> String {
        self.web.source().await.unwrap()
    }

    /// Waits until the page says so.
    pub async fn reads(&self, text: &str) {
        let is_there = waited(async || self.text().await.contains(text)).await;
        assert!(is_there, "{text:?} is not on {}:\n{}", self.path().await, self.text().await);
    }

    /// Waits until the script returns that value.
    pub async fn evaluates(&self, script: &str, expected: &Value) {
        let found = async || {
            let value = self.web.execute(script, Vec::new()).await;
            value.is_ok_and(|value| value.json() == expected)
        };
        assert!(waited(found).await, "{script} is not {expected} on {}", self.path().await);
    }

    /// Waits until there is no element of that CSS selector.
    pub async fn lacks(&self, selector: &str) {
        let query = self.web.query(By::Css(selector)).wait(BOUND, PAUSE);
        assert!(query.not_exists().await.unwrap(), "{selector} is still there");
    }

    /// The element of that CSS selector, once it is there.
    pub async fn element(&self, selector: &str) -> WebElement {
        let query = self.web.query(By::Css(selector)).wait(BOUND, PAUSE);
        query.first().await.unwrap_or_else(|e| panic!("no {selector}: {e}"))
    }

    /// Types into the field of that name, over what stands there.
    pub async fn fill(&self, name: &str, text: &str) {
        let selector = format!("[name='{name}']");
        self.upon(By::Css(selector), &format!("field {name}"), async |field| {
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    /// Puts a file into the form.
    pub async fn attach(&self, file: &Path) {
        let file = file.to_str().unwrap();
        self.upon(By::Css("input[type='file']"), "field for a file", async |field| {
            field.send_keys(file).await
        })
        .await;
    }

    /// Presses the button or follows the link that is called so. Where that leads to another page, it is there when
    /// this returns: what is asked next is asked of the new page, and going elsewhere interrupts nothing.
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
        self.click_on(By::XPath(path), label).await;
    }

    /// Ticks the box, or chooses the option, that has this label.
    pub async fn choose(&self, label: &str) {
        self.click_on(By::XPath(format!("//label[contains(normalize-space(), '{label}')]")), label).await;
    }

    /// Clicks on the element of that CSS selector: an option, a box, a link without a name of its own.
    pub async fn click(&self, selector: &str) {
        self.click_on(By::Css(selector), selector).await;
    }

    async fn click_on(&self, by: By, what: &str) {
        self.upon(by, what, async |element| {
            element.scroll_into_view().await?;
            self.web.execute(WATCH, Vec::new()).await?;
            element.click().await
        })
        .await;
        let answer = async || {
            // Between two documents there is nobody to answer.
            let state = self.web.execute(LEAVING, Vec::new()).await;
            state.is_ok_and(|state| matches!(state.json().as_str(), Some("here" | "complete")))
        };
        assert!(waited(answer).await, "{what:?} leads nowhere from {}", self.path().await);
    }

    /// Does something to an element that can be seen. A live part of a page may have been drawn anew since the element
    /// was found: then it is looked for again.
    async fn upon(&self, by: By, what: &str, act: impl AsyncFn(&WebElement) -> WebDriverResult<()>) {
        let start = Instant::now();
        loop {
            let query = self.web.query(by.clone()).wait(BOUND, PAUSE);
            let done = match query.and_displayed().first().await {
                Ok(element) => act(&element).await,
                Err(e) => panic!("no {what:?} on {}: {e}\n{}", self.path().await, self.text().await),
            };
            match done {
                Ok(()) => return,
                Err(e) if has_moved(&e) && start.elapsed() < BOUND => tokio::time::sleep(PAUSE).await,
                Err(e) => panic!("{what:?} on {}: {e}", self.path().await),
            }
        }
    }

    /// Fills the sign-in form and sends it; returns on the page where that leads.
    pub async fn sign_in(&self, email: &str) {
        self.open("/Admin").await;
        self.fill("email", email).await;
        self.fill("password", PASSWORD).await;
        self.press("Sign in").await;
    }

    /// Looks for barriers in every window and its colour schemes, and keeps a picture of each:
    /// `target/screenshots/NAME-desktop-light.png`.
    pub async fn inspect(&self, name: &str) {
        for ((width, height, window), schemes) in WINDOWS {
            for scheme in schemes {
                self.resize(width, height).await;
                let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                self.tell("Emulation.setEmulatedMedia", feature).await;
                self.has_no_barriers(&format!("{name} ({window}, {scheme})")).await;
                // The picture is of the whole page.
                let whole =
                    self.web.execute("return document.documentElement.scrollHeight", Vec::new()).await;
                let whole = u32::try_from(whole.unwrap().json().as_u64().unwrap()).unwrap();
                self.resize(width, whole.max(height)).await;
                let picture = self.web.screenshot_as_png().await.unwrap();
                let folder = target().join("screenshots");
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(format!("{name}-{window}-{scheme}.png")), picture).unwrap();
            }
        }
        self.tell("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.tell("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    }

    /// Shows the page as paper would have it, or as the screen has it.
    pub async fn as_printed(&self, is_printed: bool) {
        let media = if is_printed { "print" } else { "" };
        self.tell("Emulation.setEmulatedMedia", json!({ "media": media, "features": [] })).await;
    }

    /// Prints the page with its own paper size, keeps it as `target/screenshots/NAME.pdf`, and counts its pages.
    pub async fn printed(&self, name: &str) -> usize {
        let how = json!({ "preferCSSPageSize": true, "printBackground": true });
        let printed = self.web.cdp().send_raw("Page.printToPDF", how).await.unwrap();
        let pdf = decoded(printed["data"].as_str().unwrap());
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.pdf")), &pdf).unwrap();
        let page = b"/Type /Page\n";
        pdf.windows(page.len()).filter(|window| window == page).count()
    }

    /// Nothing on the page is wider than a phone, however long its words are.
    pub async fn fits_a_phone(&self, what: &str) {
        let (width, height, _) = PHONE;
        self.resize(width, height).await;
        self.does_not_scroll_sideways(what).await;
        self.tell("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
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
             // What follows the size of the window is done by then.
             const drawn = new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
             drawn.then(() => axe.run(document, {{ resultTypes: ['violations'] }}))
               .then((found) => done(found.violations
                 .filter((one) => one.impact === 'serious' || one.impact === 'critical')
                 .map((one) => `${{one.id}}: ${{one.help}}: ${{one.nodes.map((n) => n.html).join(' ')}}`)));"
        );
        let found = self.web.execute_async(run, Vec::new()).await.unwrap();
        assert_eq!(found.json(), &json!([]), "{what}");
        self.does_not_scroll_sideways(what).await;
    }

    async fn does_not_scroll_sideways(&self, what: &str) {
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

/// Base64 as a browser writes it.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is no digit of base64"),
    };
    let digits: Vec<u32> = text.bytes().filter(|c| *c != b'=').map(digit).collect();
    let quads = digits.chunks(4).flat_map(|quad| {
        let bits = quad.iter().enumerate().fold(0, |bits, (at, digit)| bits | digit << (18 - 6 * at));
        bits.to_be_bytes().into_iter().skip(1).take(quad.len() - 1)
    });
    quads.collect()
}

/// Whether that comes true within the bound.
async fn waited(is_so: impl AsyncFn() -> bool) -> bool {
    let looked = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(BOUND, looked).await.is_ok()
}

/// Whether an element was not, or no longer, what it seemed when it was found.
fn has_moved(error: &WebDriverError) -> bool {
    matches!(
        error.as_inner(),
        Refusal::StaleElementReference(_)
            | Refusal::ElementClickIntercepted(_)
            | Refusal::ElementNotInteractable(_)
            | Refusal::NoSuchElement(_)
    )
}

fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
