//! Bytes that were something once: cut, doubled, swapped, spliced, and with odd things put in.
//!
//! Not here: trees (`structure`, `messages`).

use std::fmt;
use std::ops::Range;

use rand::RngExt;
use rand::rngs::StdRng;

/// Bytes that show as text with escapes.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl Raw {
    /// What a reader of text is given: broken UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// The most changes of one input.
const CHANGES_MAX: u32 = 4;
/// The longest stretch that one change takes.
const STRETCH_MAX: usize = 200;
/// Levels of nesting and characters of a text that are put in.
const NESTED: [usize; 3] = [40, 130, 3_000];
const LONG: [usize; 3] = [300, 5_000, 70_000];

/// Broken UTF-8, characters that other languages count twice, line ends, signs of syntaxes.
const ODD: [&[u8]; 24] = [
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    "\u{1f980}".as_bytes(),
    "\u{10ffff}".as_bytes(),
    "\u{202e}\u{200b}".as_bytes(),
    "e\u{301}\u{301}\u{301}".as_bytes(),
    b"\0",
    b"\r\n",
    b"\t",
    b"\"",
    b"\\",
    b"\\ud83d",
    b"{}",
    b"[]",
    b"null",
    b": ",
    b", ",
    b"#",
    b"&a *a",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
];

/// What opens a level of nesting, and what fills a long text.
const OPENINGS: [&[u8]; 4] = [b"[", b"{\"a\":", b"[{\"a\":", b"- "];
const FILLINGS: [&[u8]; 4] = [b"A", b"9", b" ", "\u{1f980}".as_bytes()];

/// Numbers at the edges of what types hold.
const NUMBERS: [&str; 12] = [
    "0",
    "-0",
    "-1",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950336",
    "1e400",
    "1e-400",
    "0.1e2",
    "007",
];

/// Changes the bytes in one to four places; `donor` is another input of the same kind.
pub fn spoil(bytes: &mut Vec<u8>, donor: &[u8], chance: &mut StdRng) {
    let most = chance.random_range(1..=CHANGES_MAX);
    for _ in 0..chance.random_range(1..=most) {
        change(bytes, donor, chance);
    }
}

/// One of the texts, spoiled; any of them is the donor.
pub fn spoiled_text(texts: &[String], chance: &mut StdRng) -> Vec<u8> {
    let mut text = pick(texts, chance).clone().into_bytes();
    spoil(&mut text, pick(texts, chance).as_bytes(), chance);
    text
}

fn change(bytes: &mut Vec<u8>, donor: &[u8], chance: &mut StdRng) {
    let at = chance.random_range(0..=bytes.len());
    let stretch = stretch(bytes.len(), chance);
    match chance.random_range(0..24) {
        0..4 => flip(bytes, at, chance),
        4..7 => {
            let odd = pick(&ODD, chance);
            insert(bytes, at, odd);
        }
        7..11 => number(bytes, at, chance),
        11..13 => drop(bytes.drain(stretch)),
        13..15 => {
            let twin = bytes.get(stretch).unwrap_or_default().to_vec();
            insert(bytes, at, &twin);
        }
        15 => {
            let piece: Vec<u8> = bytes.drain(stretch).collect();
            insert(bytes, at.min(bytes.len()), &piece);
        }
        16 => bytes.truncate(at),
        17 => {
            bytes.truncate(at);
            let from = chance.random_range(0..=donor.len());
            bytes.extend(donor.iter().skip(from));
        }
        18..20 => {
            let from = self::stretch(donor.len(), chance);
            let piece = donor.get(from).unwrap_or_default().to_vec();
            bytes.splice(stretch, piece);
        }
        20 => {
            let opening = pick(&OPENINGS, chance);
            insert(bytes, at, &opening.repeat(*pick(&NESTED, chance)));
        }
        21 => {
            let filling = pick(&FILLINGS, chance);
            insert(bytes, at, &filling.repeat(*pick(&LONG, chance)));
        }
        _ => lines(bytes, chance),
    }
}

fn flip(bytes: &mut [u8], at: usize, chance: &mut StdRng) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if chance.random() {
            *byte ^ (1 << chance.random_range(0..8))
        } else {
            chance.random()
        };
    }
}

/// Writes another number over the digits that come next.
fn number(bytes: &mut Vec<u8>, at: usize, chance: &mut StdRng) {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(start) = rest.iter().position(u8::is_ascii_digit) else {
        return;
    };
    let digits = rest.iter().skip(start);
    let length = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let start = at + start;
    let odd = pick(&NUMBERS, chance).bytes();
    bytes.splice(start..start + length, odd);
}

/// A line dropped, doubled or moved; documents for people are made of lines.
fn lines(bytes: &mut Vec<u8>, chance: &mut StdRng) {
    let mut all: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let from = chance.random_range(0..all.len());
    let line = all.get(from).cloned().unwrap_or_default();
    if chance.random() {
        all.remove(from);
    }
    if chance.random() {
        all.insert(chance.random_range(0..=all.len()), line);
    }
    *bytes = all.join(&b'\n');
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

fn stretch(length: usize, chance: &mut StdRng) -> Range<usize> {
    let start = chance.random_range(0..=length);
    let end = start.saturating_add(chance.random_range(0..=STRETCH_MAX));
    start..end.min(length)
}

/// One of several.
///
/// # Panics
/// When there is none.
pub fn pick<'a, T>(choices: &'a [T], chance: &mut StdRng) -> &'a T {
    let at = chance.random_range(0..choices.len());
    &choices[at]
}
