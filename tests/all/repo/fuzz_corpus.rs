//! The kept inputs of the fuzz targets, and changed copies of them: the same ones every time. `make fuzz` goes further.

#[path = "../../../fuzz/targets.rs"]
mod targets;

use koreconcile::apply::SavedPlan;
use koreconcile::facts::{Desired, Policy, Safety, World};
use koreconcile::plan::{self, Context, Limits};
use std::path::Path;

/// Changed copies of the kept inputs, for each target.
const COPIES: u64 = 2_000;
/// For the console, where an input is up to six requests to an account of its own.
const COPIES_OF_REQUESTS: u64 = 200;
/// Larger ones say nothing new.
const LARGEST: usize = 16 * 1024;
/// What formats have in common.
const WORDS: [&str; 14] = [
    "---\n",
    "null",
    "true",
    "-1",
    "1e999",
    "\"",
    "{",
    "]",
    ": ",
    "\t",
    "\u{0}",
    "\u{feff}",
    "&a *a",
    "99999999999999999999",
];

fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut kept: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    match target {
        "plans" => {
            let made =
                plan::make(Desired::default(), &World::default(), &Policy::default(), &Context::default());
            let (safety, limits) = (Safety::default(), Limits::default());
            let saved = SavedPlan {
                made_at: jiff::Timestamp::UNIX_EPOCH,
                plan: made,
                safety,
                limits,
                policies: String::new(),
            };
            kept.push(serde_json::to_vec(&saved).unwrap());
            kept.push(saved.seal(&"secret".into()).unwrap().into_bytes());
        }
        "worlds" => kept.push(serde_json::to_vec(&World::default()).unwrap()),
        _ => {}
    }
    kept
}

/// A small generator of numbers: what it draws is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// A few bytes flipped, cut, doubled, or taken from another input.
fn changed(kept: &[Vec<u8>], draw: &mut Random) -> Vec<u8> {
    let mut bytes = kept[draw.below(kept.len())].clone();
    for _ in 0..=draw.below(4) {
        let at = draw.below(bytes.len() + 1);
        let end = (at + draw.below(40)).min(bytes.len());
        match draw.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << draw.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => {
                let other = &kept[draw.below(kept.len())];
                let from = draw.below(other.len());
                let to = (from + draw.below(80)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let word = WORDS[draw.below(WORDS.len())];
                bytes.splice(at..end, word.bytes());
            }
        }
    }
    bytes.truncate(LARGEST);
    bytes
}

#[test]
fn kept_inputs_and_changed_copies_never_panic() {
    std::thread::scope(|scope| {
        for (name, target) in targets::TARGETS {
            scope.spawn(move || {
                let kept = kept(name);
                assert!(kept.len() > 1, "{name} has inputs to start from");
                for bytes in &kept {
                    target(bytes);
                }
                let copies = if name == "console" { COPIES_OF_REQUESTS } else { COPIES };
                for number in 1..=copies {
                    let bytes = changed(&kept, &mut Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
                    let outcome = std::panic::catch_unwind(|| target(&bytes));
                    assert!(outcome.is_ok(), "{name}, copy {number}: {}", String::from_utf8_lossy(&bytes));
                }
            });
        }
    });
}
