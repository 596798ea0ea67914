//! The bytes of one file, in pages that two images share until one of them is written: what the file holds now and what
//! of it would survive a power loss cost memory only where they differ.

use std::io::{self, ErrorKind};
use std::sync::Arc;

const PAGE_BYTES: usize = 4096;

type Page = Arc<[u8; PAGE_BYTES]>;

/// See the [module](self) page. A page that was never written is a hole of zeros.
#[derive(Clone, Default)]
pub(crate) struct Image {
    len: u64,
    pages: Vec<Option<Page>>,
}

impl Image {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.len) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        for (page, start, range) in spans(offset, out.len()) {
            let span = &mut out[range.clone()];
            match self.pages.get(page).and_then(Option::as_ref) {
                Some(found) => span.copy_from_slice(&found[start..start + range.len()]),
                None => span.fill(0),
            }
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (page, start, range) in spans(offset, bytes.len()) {
            if self.pages.len() <= page {
                self.pages.resize(page + 1, None);
            }
            let found = self.pages[page].get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(found)[start..start + range.len()].copy_from_slice(&bytes[range]);
        }
        self.len = self.len.max(offset + bytes.len() as u64);
    }

    /// Makes a range as it is in another image, in whole pages: what was written there, not what it was written over.
    pub(crate) fn take(&mut self, from: &Self, offset: u64, length: usize) {
        for (page, ..) in spans(offset, length) {
            let Some(found) = from.pages.get(page) else { continue };
            if self.pages.len() <= page {
                self.pages.resize(page + 1, None);
            }
            self.pages[page].clone_from(found);
        }
        self.len = self.len.max(offset + length as u64);
    }

    pub(crate) fn set_len(&mut self, len: u64) {
        if len < self.len {
            let (pages, rest) = (len / PAGE_BYTES as u64, len % PAGE_BYTES as u64);
            let (pages, rest) = (index(pages), index(rest));
            self.pages.truncate(if rest == 0 { pages } else { pages + 1 });
            if rest > 0
                && let Some(Some(last)) = self.pages.get_mut(pages)
            {
                Arc::make_mut(last)[rest..].fill(0);
            }
        }
        self.len = len;
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a simulated file must fit in memory")
}

/// Cuts `length` bytes at `offset` at the page borders: page, start in the page, range in the bytes.
fn spans(offset: u64, length: usize) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = index(offset) + done;
        let (page, start) = (at / PAGE_BYTES, at % PAGE_BYTES);
        let range = done..length.min(done + PAGE_BYTES - start);
        done = range.end;
        Some((page, start, range))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_reads_as_zeros_when_the_file_grows_again() {
        let mut image = Image::default();
        image.write(4090, b"0123456789");
        image.set_len(4093);
        image.set_len(5000);
        let mut out = [9; 10];
        image.read(4090, &mut out).expect("must be inside");
        assert_eq!(&out, b"012\0\0\0\0\0\0\0");
        assert!(image.read(4995, &mut out).is_err());
    }

    #[test]
    fn a_copy_keeps_its_bytes_while_the_original_is_written() {
        let mut image = Image::default();
        image.write(0, b"before");
        let copy = image.clone();
        image.write(0, b"behind");
        let mut out = [0; 6];
        copy.read(0, &mut out).expect("must be inside");
        assert_eq!(&out, b"before");
    }
}
