//! Files, good and bad, made on the fly.

use sha2::{Digest, Sha256};

/// A JPEG of this many bytes; each number another one.
pub fn jpeg(number: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
    bytes.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    // 4032 x 3024 pixels.
    bytes.extend([0xff, 0xc0, 0, 17, 8, 0x0b, 0xd0, 0x0f, 0xc0]);
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xda]);
    fill(number, size, bytes)
}

/// A PDF of this many bytes.
pub fn pdf(number: u64, size: usize) -> Vec<u8> {
    fill(number, size, b"%PDF-1.7\n".to_vec())
}

fn fill(number: u64, size: usize, mut bytes: Vec<u8>) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let left = size.saturating_sub(bytes.len());
    bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(left));
    bytes
}

/// A PNG that is small on its way and has this many pixels.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A part of a form, as a browser writes it.
pub fn part(name: &str, file_name: Option<&str>, content_type: Option<&str>) -> String {
    let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
    if let Some(file_name) = file_name {
        head.push_str(&format!("; filename=\"{file_name}\""));
    }
    if let Some(content_type) = content_type {
        head.push_str(&format!("\r\nContent-Type: {content_type}"));
    }
    head + "\r\n\r\n"
}

pub const BOUNDARY: &str = "----daybook7MA4YWxkTrZu0gW";

pub fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A form with a kind and a file.
pub fn form(kind: &str, file_name: &str, content_type: &str, bytes: &[u8]) -> Vec<u8> {
    let file = part("file", Some(file_name), Some(content_type));
    [
        part("kind", None, None).as_bytes(),
        kind.as_bytes(),
        b"\r\n",
        file.as_bytes(),
        bytes,
        format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
    ]
    .concat()
}
