//! What kind of file something is: its content says so, never its name.
//!
//! Few kinds are taken, so that what is hidden in others need not be known: no archive, program, page or drawing
//! with scripts is among them. What its sender claims has to agree with the content. Images say in their header
//! how large they become when they are opened; one that becomes absurdly large is refused. Nothing is decoded
//! here.

use std::collections::BTreeSet;
use std::fmt;

use imagesize::ImageError;

/// How much of a file is looked at first, in bytes.
pub const FIRST_LOOK: usize = 64 * 1024;

/// How much of a file is looked at in all: cameras write several MB before they say how large an image is.
pub const LAST_LOOK: usize = 4 * 1024 * 1024;

/// What a PDF begins with (ISO 32000-2, 7.5.2).
const PDF: &[u8] = b"%PDF-";

/// The most pixels in one direction: more than any camera or scanner makes.
const MOST_SIDE: u64 = 32_767;

/// The most pixels in all, just above what cameras of telephones make.
const MOST_PIXELS: u64 = 200_000_000;

/// A kind of file that can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// PDF.
    Pdf,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// HEIC, as telephones make it.
    Heic,
}

impl MediaType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pdf, Self::Jpeg, Self::Png, Self::Webp, Self::Heic];

    /// Its name in settings, which is the ending of its files as well.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Heic => "heic",
        }
    }

    /// As HTTP names it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
        }
    }

    /// What HTTP names so.
    #[must_use]
    pub fn of_content_type(text: &str) -> Option<Self> {
        match text {
            "image/jpg" | "image/pjpeg" => Some(Self::Jpeg),
            "image/heif" => Some(Self::Heic),
            _ => Self::ALL
                .into_iter()
                .find(|known| known.content_type() == text),
        }
    }

    fn of_ending(text: &str) -> Option<Self> {
        match text {
            "jpg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "heif" | "hif" => Some(Self::Heic),
            _ => Self::of_name(text),
        }
    }

    /// What settings name so.
    #[must_use]
    pub fn of_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == text)
    }

    const fn is_image(self) -> bool {
        match self {
            Self::Pdf => false,
            Self::Jpeg | Self::Png | Self::Webp | Self::Heic => true,
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.content_type())
    }
}

/// What a sender says of a file.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Its media type.
    pub content_type: Option<String>,
    /// Its name, which is kept nowhere.
    pub file_name: Option<String>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentRefusal {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is of another kind.
    #[error("the file is {found}, which is not taken")]
    NotAllowed {
        /// What it is, as far as its first bytes tell.
        found: &'static str,
    },
    /// Its sender says that it is something else.
    #[error("the file is {found}, and not what it is said to be")]
    Differs {
        /// What it is.
        found: MediaType,
        /// By what its sender says something else.
        claim: Claim,
    },
    /// An image that does not say how large it is.
    #[error("the file begins like {found} and cannot be read as such")]
    Unreadable {
        /// What it looks like.
        found: MediaType,
    },
    /// An image that becomes absurdly large when it is opened.
    #[error("the image has {width} x {height} pixels")]
    TooManyPixels {
        /// From left to right.
        width: u64,
        /// From top to bottom.
        height: u64,
    },
}

/// By what a sender says what a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The media type.
    ContentType,
    /// The ending of the file's name.
    FileName,
}

impl Claim {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::FileName => "file_name",
        }
    }
}

/// How much of a file is there to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Its beginning.
    Beginning,
    /// All of it, or as much as is ever looked at.
    All,
}

/// What a look at a file comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is taken as this.
    Taken(MediaType),
    /// More of it has to be seen.
    More,
}

/// Looks at a file.
///
/// # Errors
/// [`ContentRefusal`].
pub fn look(
    bytes: &[u8],
    seen: Seen,
    allowed: &BTreeSet<MediaType>,
    claims: &Claims,
) -> Result<Look, ContentRefusal> {
    if bytes.is_empty() {
        return Err(ContentRefusal::Empty);
    }
    let media_type = sniff(bytes, allowed)?;
    claims.check(media_type)?;
    if !media_type.is_image() {
        return Ok(Look::Taken(media_type));
    }
    match imagesize::blob_size(bytes) {
        Ok(size) => {
            let (width, height) = (pixels(size.width), pixels(size.height));
            check_pixels(media_type, width, height)
        }
        Err(ImageError::IoError(_)) if seen == Seen::Beginning => Ok(Look::More),
        Err(ImageError::IoError(_) | ImageError::NotSupported | ImageError::CorruptedImage) => {
            Err(ContentRefusal::Unreadable { found: media_type })
        }
    }
}

fn sniff(bytes: &[u8], allowed: &BTreeSet<MediaType>) -> Result<MediaType, ContentRefusal> {
    let found = infer::get(bytes).map_or("something unknown", |found| found.mime_type());
    match MediaType::of_content_type(found) {
        // What something else begins with may be opened as that.
        Some(MediaType::Pdf) if !bytes.starts_with(PDF) => {
            let found = "a PDF that does not begin as one";
            Err(ContentRefusal::NotAllowed { found })
        }
        Some(media_type) if allowed.contains(&media_type) => Ok(media_type),
        Some(_) | None => Err(ContentRefusal::NotAllowed { found }),
    }
}

fn pixels(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn check_pixels(found: MediaType, width: u64, height: u64) -> Result<Look, ContentRefusal> {
    if width == 0 || height == 0 {
        return Err(ContentRefusal::Unreadable { found });
    }
    let fits = width <= MOST_SIDE
        && height <= MOST_SIDE
        && width
            .checked_mul(height)
            .is_some_and(|all| all <= MOST_PIXELS);
    if fits {
        return Ok(Look::Taken(found));
    }
    Err(ContentRefusal::TooManyPixels { width, height })
}

impl Claims {
    /// Refuses what contradicts the content. Who says nothing of it, or only that it is bytes, contradicts nothing.
    fn check(&self, found: MediaType) -> Result<(), ContentRefusal> {
        let differs = |claim| Err(ContentRefusal::Differs { found, claim });
        if let Some(declared) = &self.content_type {
            let essence = declared.split(';').next().unwrap_or_default().trim();
            let essence = essence.to_ascii_lowercase();
            let says_nothing = ["", "application/octet-stream", "binary/octet-stream"];
            if !says_nothing.contains(&essence.as_str())
                && MediaType::of_content_type(&essence) != Some(found)
            {
                return differs(Claim::ContentType);
            }
        }
        if let Some((_, ending)) = self
            .file_name
            .as_ref()
            .and_then(|name| name.rsplit_once('.'))
        {
            let ending = ending.to_ascii_lowercase();
            // What follows the last full stop may be a part of the name: "passport of 2024.03".
            let is_known = infer::is_supported(&ending) || SCRIPTED.contains(&ending.as_str());
            match MediaType::of_ending(&ending) {
                Some(claimed) if claimed != found => return differs(Claim::FileName),
                None if is_known => return differs(Claim::FileName),
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

/// Endings of files that do something when they are opened, and have no beginning by which they are known.
const SCRIPTED: [&str; 16] = [
    "bat", "cmd", "com", "hta", "htm", "js", "jse", "lnk", "msi", "ps1", "py", "scr", "sh", "svg",
    "vbs", "xhtml",
];

#[cfg(test)]
mod tests;
