//! Files of all kinds, and what becomes of them.

use super::*;

fn all() -> BTreeSet<MediaType> {
    MediaType::ALL.into()
}

fn seen(bytes: &[u8]) -> Result<Look, ContentRefusal> {
    look(bytes, Seen::All, &all(), &Claims::default())
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn jpeg(segments: usize, width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    for _ in 0..segments {
        bytes.extend([0xff, 0xe1, 0xff, 0xff]);
        bytes.extend(vec![7; 0xffff - 2]);
    }
    bytes.extend([0xff, 0xc0, 0, 17, 8]);
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([3; 12]);
    bytes
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    bytes.extend(&(width - 1).to_le_bytes()[..3]);
    bytes.extend(&(height - 1).to_le_bytes()[..3]);
    bytes
}

fn heic(width: u32, height: u32) -> Vec<u8> {
    let boxed = |name: &[u8], content: &[u8]| {
        let length = u32::try_from(content.len() + 8).unwrap();
        [&length.to_be_bytes()[..], name, content].concat()
    };
    let ispe = [&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
    let ipco = boxed(b"ipco", &boxed(b"ispe", &ispe));
    let meta = [&[0; 4][..], &boxed(b"iprp", &ipco)].concat();
    let brands = b"heic\0\0\0\0mif1heic";
    [
        boxed(b"ftyp", brands),
        boxed(b"meta", &meta),
        boxed(b"mdat", b"x"),
    ]
    .concat()
}

#[test]
fn each_kind_is_known_by_its_content() {
    let taken = |media_type| Ok(Look::Taken(media_type));
    assert_eq!(seen(b"%PDF-1.7\n"), taken(MediaType::Pdf));
    assert_eq!(seen(&png(1200, 800)), taken(MediaType::Png));
    assert_eq!(seen(&jpeg(1, 4000, 3000)), taken(MediaType::Jpeg));
    assert_eq!(seen(&webp(1200, 800)), taken(MediaType::Webp));
    assert_eq!(seen(&heic(4032, 3024)), taken(MediaType::Heic));
    // What cameras of telephones make today.
    assert_eq!(seen(&jpeg(0, 16_320, 12_240)), taken(MediaType::Jpeg));
}

#[test]
fn settings_may_narrow_what_is_taken() {
    let only = [MediaType::Pdf].into();
    let refused = look(&png(1, 1), Seen::All, &only, &Claims::default());
    assert_eq!(
        refused,
        Err(ContentRefusal::NotAllowed { found: "image/png" })
    );
}

#[test]
fn everything_else_is_refused() {
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 64]].concat();
    let exe = [&b"MZ\x90\0"[..], &[0; 64]].concat();
    let zip = [&b"PK\x03\x04\x14\0"[..], &[0; 64]].concat();
    for (name, bytes) in [
        ("zip", zip.as_slice()),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("bzip2", b"BZh91AY&SY"),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\x04"),
        ("elf", &elf),
        ("exe", &exe),
        ("class", b"\xca\xfe\xba\xbe\0\0\0\x34"),
        ("script", b"#!/bin/sh\nrm -rf /\n"),
        ("html", b"<!DOCTYPE html><html><script>alert(1)</script>"),
        ("html with space", b"  \n<html>"),
        (
            "svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ),
        ("svg with head", b"<?xml version='1.0'?><svg/>"),
        ("gif", b"GIF89a\x01\0\x01\0"),
        ("tiff", b"II*\0\x08\0\0\0\0\0\0\0"),
        ("avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        ("text", b"Asha Rao"),
        ("one byte", b"%"),
        ("a pdf after something", b"xxxx%PDF-1.7"),
        ("utf-16", b"\xff\xfe<\0s\0v\0g\0"),
    ] {
        let refused = seen(bytes);
        assert!(
            matches!(refused, Err(ContentRefusal::NotAllowed { .. })),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(seen(b""), Err(ContentRefusal::Empty));
}

#[test]
fn images_that_become_absurdly_large_are_refused() {
    for bytes in [
        png(50_000, 50_000),
        png(u32::MAX, u32::MAX),
        png(32_768, 1),
        png(20_000, 20_000),
        jpeg(0, 65_535, 65_535),
        webp(16_000_000, 16_000_000),
        heic(u32::MAX, u32::MAX),
    ] {
        let refused = seen(&bytes);
        assert!(
            matches!(refused, Err(ContentRefusal::TooManyPixels { .. })),
            "{refused:?}"
        );
    }
    assert!(matches!(
        seen(&png(0, 7)),
        Err(ContentRefusal::Unreadable { .. })
    ));
}

#[test]
fn an_image_that_does_not_say_how_large_it_is_is_refused_when_all_was_seen() {
    for whole in [png(3, 4), jpeg(2, 3, 4), webp(3, 4), heic(3, 4)] {
        let media_type = sniff(&whole, &all()).unwrap();
        let cut = &whole[..whole.len().min(22)];
        if sniff(cut, &all()).is_err() {
            continue;
        }
        let beginning = look(cut, Seen::Beginning, &all(), &Claims::default());
        assert_eq!(beginning, Ok(Look::More), "{media_type}");
        let refused = ContentRefusal::Unreadable { found: media_type };
        assert_eq!(seen(cut), Err(refused));
    }
}

#[test]
fn a_claim_that_contradicts_the_content_is_refused() {
    let pdf = b"%PDF-1.7";
    let claimed = |content_type: &str, file_name: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let claims = Claims {
            content_type: some(content_type),
            file_name: some(file_name),
        };
        look(pdf, Seen::All, &all(), &claims)
    };
    for (content_type, file_name) in [
        ("", ""),
        ("application/pdf", "scan.pdf"),
        ("Application/PDF; charset=binary", "SCAN.PDF"),
        ("application/octet-stream", "scan"),
        ("", "scan of 2024.03"),
        ("", "scan."),
        ("", ".pdf"),
    ] {
        let taken = claimed(content_type, file_name);
        assert_eq!(
            taken,
            Ok(Look::Taken(MediaType::Pdf)),
            "{content_type} {file_name}"
        );
    }
    for (content_type, file_name, claim) in [
        ("image/jpeg", "", Claim::ContentType),
        ("text/html", "scan.pdf", Claim::ContentType),
        ("nonsense", "", Claim::ContentType),
        ("", "scan.jpg", Claim::FileName),
        ("", "scan.pdf.exe", Claim::FileName),
        ("", "scan.html", Claim::FileName),
        ("", "scan.SVG", Claim::FileName),
        ("application/pdf", "scan.zip", Claim::FileName),
    ] {
        let found = MediaType::Pdf;
        let refused = claimed(content_type, file_name);
        let expected = Err(ContentRefusal::Differs { found, claim });
        assert_eq!(refused, expected, "{content_type} {file_name}");
    }
}

/// Whatever is changed in a header: an answer, and soon.
#[test]
fn damaged_headers_are_survived() {
    let mut random = fastrand::Rng::with_seed(7);
    for whole in [png(30, 40), jpeg(1, 30, 40), webp(30, 40), heic(30, 40)] {
        let beginning = whole.len().min(200);
        for _ in 0..5_000 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..6) {
                let index = random.usize(..beginning);
                bytes[index] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            drop(seen(&bytes));
        }
    }
}
