//! The binary as a person runs it: a folder of manifests, a command, and everything that came out of it as one text
//! to compare with. No run outlives its test, and none takes longer than [`BOUND`].

use insta::internals::SettingsBindDropGuard;
use regex::Regex;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// More than any command here takes, even on a busy machine.
const BOUND: Duration = Duration::from_secs(120);

/// A folder with manifests, and a home of its own: what one run remembers is there for the next.
pub struct Workspace {
    root: TempDir,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// With these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let workspace = Self { root: tempfile::tempdir().unwrap(), environment: Vec::new() };
        std::fs::create_dir_all(workspace.path("")).unwrap();
        for (name, text) in files {
            workspace.write(name, text);
        }
        workspace
    }

    /// With a copy of `examples/NAME`.
    pub fn example(name: &str) -> Self {
        let workspace = Self::with(&[]);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), &workspace.path(""));
        workspace
    }

    /// A file or folder of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Edits a file as a person would; what is to be replaced must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replace(from, to));
    }

    /// From now on with this variable.
    pub fn export(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a variable that was exported.
    pub fn exported(&self, name: &str) -> &str {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap()
    }

    /// The values that nobody may show: what the environment calls a secret.
    pub fn secrets(&self) -> Vec<String> {
        let secret = |(name, value): &(String, String)| name.ends_with("_SECRET").then(|| value.clone());
        self.environment.iter().filter_map(secret).collect()
    }

    /// The files that runs have left in the home.
    pub fn remembered(&self) -> Vec<PathBuf> {
        let all = walkdir::WalkDir::new(self.root.path().join("home")).into_iter().filter_map(Result::ok);
        all.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }

    /// Prepares `koreconcile ARGS`, in this folder and without anything of the surroundings.
    pub fn koreconcile(&self, args: &[&str]) -> Invocation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
        command
            .args(args)
            .current_dir(self.path(""))
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let line = args.iter().fold("koreconcile".to_owned(), |line, arg| line + " " + *arg);
        Invocation::new(command, line, self.root.path())
    }

    /// Runs `koreconcile ARGS`.
    pub fn run(&self, args: &[&str]) -> Run {
        self.koreconcile(args).run()
    }

    /// Runs git in this folder with what was exported, and without the configuration of whoever runs the tests; what it
    /// prints.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Jane Doe", "-c", "user.email=jane.doe@example.com"])
            .args(["-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(self.path(""))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue; // What a person's own try has left behind.
        }
        if from.is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// A command that has not been started.
pub struct Invocation {
    command: Command,
    line: String,
    input: Option<Input>,
    root: PathBuf,
}

enum Input {
    Text(String),
    Terminal(std::fs::File),
}

impl Invocation {
    /// Of any program; `line` stands for it, and what is below `root` is shown as `HERE`.
    pub fn new(command: Command, line: String, root: &Path) -> Self {
        Self { command, line, input: None, root: root.to_owned() }
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this on standard input, which is no terminal.
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(Input::Text(text.to_owned()));
        self
    }

    /// With somebody at a terminal who types `answer`. What is printed still goes to pipes.
    pub fn terminal(mut self, answer: &str) -> Self {
        let (mut keyboard, terminal) = terminal();
        keyboard.write_all(answer.as_bytes()).unwrap();
        self.command.stdin(Stdio::from(terminal));
        self.input = Some(Input::Terminal(keyboard));
        self
    }

    /// Runs it at a terminal, and gives all that a person would see there.
    pub fn watched(mut self) -> String {
        let (screen, terminal) = terminal();
        for set in [Command::stdin, Command::stdout, Command::stderr] {
            set(&mut self.command, terminal.try_clone().unwrap());
        }
        let mut process = Process(self.command.spawn().unwrap());
        // The screen ends when nobody holds the terminal any more.
        drop((self.command, terminal));
        let (send, seen) = channel();
        std::thread::spawn(move || send.send(text_of(screen)));
        let seen = seen.recv_timeout(BOUND).unwrap_or_else(|_| panic!("{} does not end", self.line));
        assert!(process.0.wait().unwrap().success(), "{seen}");
        seen
    }

    /// The same as the last arguments of another program, which becomes it.
    pub fn within(mut self, program: &str, args: &[&str]) -> Self {
        let mut outer = Command::new(program);
        outer.args(args).arg(self.command.get_program()).args(self.command.get_args());
        outer.env_clear().envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = self.command.get_current_dir() {
            outer.current_dir(folder);
        }
        self.command = outer;
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        match &self.input {
            Some(Input::Text(_)) => self.command.stdin(Stdio::piped()),
            Some(Input::Terminal(_)) => &mut self.command,
            None => self.command.stdin(Stdio::null()),
        };
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut process = Process(child);
        let keyboard = match self.input {
            Some(Input::Text(text)) => {
                // A command that does not read its input is no failure of the test.
                let _ = process.0.stdin.take().unwrap().write_all(text.as_bytes());
                None
            }
            Some(Input::Terminal(keyboard)) => Some(keyboard),
            None => None,
        };
        let out = process.0.stdout.take().unwrap();
        let (stdout, all) = channel();
        std::thread::spawn(move || {
            let _ = stdout.send(text_of(out));
        });
        let lines = lines_of(process.0.stderr.take().unwrap());
        let Self { command: _, line, input: _, root } = self;
        Running { process, _keyboard: keyboard, stdout: all, lines, stderr: String::new(), line, root }
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        self.start().end()
    }
}

/// A pseudo terminal: the side of the person and the side of the program.
fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = std::fs::File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (master.into(), slave)
}

fn text_of(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8(bytes).expect("output is UTF-8")
}

fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|length| length > 0) {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    lines
}

/// Killed when it goes out of sight.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command at work.
pub struct Running {
    process: Process,
    _keyboard: Option<std::fs::File>,
    stdout: Receiver<String>,
    lines: Receiver<String>,
    stderr: String,
    line: String,
    root: PathBuf,
}

impl Running {
    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Any signal, by its name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// kill -9: nothing is said any more.
    pub fn kill(self) {
        drop(self.process);
    }

    /// What it printed, and how it ended.
    pub fn end(mut self) -> Run {
        while let Ok(line) = self.lines.recv_timeout(BOUND) {
            self.stderr += &line;
        }
        let stdout = self.stdout.recv_timeout(BOUND);
        let stdout = stdout.unwrap_or_else(|_| panic!("{} does not end:\n{}", self.line, self.stderr));
        let status = self.process.0.wait().unwrap();
        let Self { line, root, stderr, .. } = self;
        Run { line, code: status.code(), stdout, stderr, root }
    }
}

/// What a command printed, and how it ended.
pub struct Run {
    line: String,
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    root: PathBuf,
}

impl Run {
    /// Fails the test with everything that was said unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Less the lines of stderr with this in them: calls run side by side, so some lines come in any number.
    pub fn without(mut self, noise: &str) -> Self {
        self.stderr = self.stderr.split_inclusive('\n').filter(|line| !line.contains(noise)).collect();
        self
    }

    /// With this instead of whatever is like the pattern: calls run side by side, so any of them may be the one.
    pub fn masked(mut self, pattern: &str, shown: &str) -> Self {
        let pattern = Regex::new(pattern).unwrap();
        for output in [&mut self.stdout, &mut self.stderr] {
            *output = pattern.replace_all(output, shown).into_owned();
        }
        self
    }

    /// Both outputs.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Everything that was seen, without what differs from run to run.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
                (r"\d{8}T\d{6}-\d+\.jsonl", "TIME-PID.jsonl"),
                (r"Last sign-in \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "Last sign-in TIME"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME"),
                (r"\b[0-9a-f]{64}\b", "DIGEST"),
                (r#""[0-9a-f]{16}""#, "\"ID\""),
                (r"\bms=\d+", "ms=N"),
                (r"\b(in|for|waiting) \d+ s\b", "$1 N s"),
                ("\u{1b}", "^["),
            ]
            .map(|(pattern, shown)| (Regex::new(pattern).unwrap(), shown))
            .into()
        });
        let Self { line, code, stdout, stderr, root } = self;
        let code = code.map_or("signal".to_owned(), |code| code.to_string());
        let whole = format!("$ {line}\nexit: {code}\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}");
        let whole = whole.replace(root.to_str().unwrap(), "HERE");
        let shown = FILTERS
            .iter()
            .fold(whole, |text, (pattern, shown)| pattern.replace_all(&text, *shown).into_owned());
        f.write_str(shown.trim_end())
    }
}

/// Waits until it is so; a machine may be slow, but not for ever.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let from = std::time::Instant::now();
    while !is_so() {
        assert!(from.elapsed() < BOUND, "still not so: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// How snapshots of commands are kept: without the expression. Lives as long as the guard.
pub fn snapshots() -> SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind_to_scope()
}

/// Compares a [`Run`] with what is kept under the test's name.
macro_rules! shows {
    ($run:expr) => {{
        let _guard = crate::support::workspace::snapshots();
        insta::assert_snapshot!($run.to_string());
    }};
}
pub(crate) use shows;
