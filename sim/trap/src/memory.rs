//! mimalloc, unwatched. Where memory comes from, and what an allocator reads to decide when to give it back, is seen by no task; and
//! each of its system calls would take the way through the handler.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;

use libmimalloc_sys as mi;

use crate::aside;

/// An allocator for programs that run worlds, [aside](crate::aside).
#[derive(Debug)]
pub struct Memory;

/// Whatever is as large is aligned so without being asked: asked, mimalloc takes a longer way, and more memory than it needs.
const NATURAL_BYTES: usize = 16;

/// The option that says after how many milliseconds free memory is given back to the system: `mi_option_purge_delay` in mimalloc's
/// header. The crate names only what is not called experimental there.
const GIVE_BACK_MS: mi::mi_option_t = 15;
/// What it is by default. Another number would be another option.
const GIVE_BACK_MS_DEFAULT: std::ffi::c_long = 1_000;

impl Memory {
    /// Free memory is given back so much later. A run that opens a hundred thousand connections frees and takes the same pages over
    /// and over, and the system clears each of them anew.
    pub fn give_back_after_ms(ms: std::ffi::c_long) {
        // SAFETY: options are numbers, and may be read and set at any time.
        aside(|| unsafe {
            if mi::mi_option_get(GIVE_BACK_MS) == GIVE_BACK_MS_DEFAULT {
                mi::mi_option_set(GIVE_BACK_MS, ms);
            }
        });
    }
}

const fn is_natural(layout: Layout) -> bool {
    layout.align() <= NATURAL_BYTES && layout.align() <= layout.size()
}

// SAFETY: mimalloc keeps what the trait asks for. What it gives without being told an alignment is aligned to 16 bytes where it is
// as large, and to its size where that is 8 (`MI_MAX_ALIGN_SIZE`); it knows its own blocks, so frees need no layout.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size will do, and an alignment is a power of two.
        aside(|| unsafe {
            if is_natural(layout) { mi::mi_malloc(size) } else { mi::mi_malloc_aligned(size, align) }
        })
        .cast()
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        // SAFETY: the caller promises that the block is one of ours.
        aside(|| unsafe { mi::mi_free(pointer.cast::<c_void>()) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        aside(|| unsafe {
            if is_natural(layout) { mi::mi_zalloc(size) } else { mi::mi_zalloc_aligned(size, align) }
        })
        .cast()
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        let is_natural = is_natural(layout) && align <= size;
        let pointer = pointer.cast::<c_void>();
        // SAFETY: the caller promises that the block is one of ours; the rest is as in `alloc`.
        aside(|| unsafe {
            if is_natural {
                mi::mi_realloc(pointer, size)
            } else {
                mi::mi_realloc_aligned(pointer, size, align)
            }
        })
        .cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_it_is_taken_for() {
        Memory::give_back_after_ms(20_000);
        // SAFETY: as above.
        let ms = unsafe { mi::mi_option_get(GIVE_BACK_MS) };
        assert_eq!(ms, 20_000, "the number of the option, or its default, must have changed");
    }
}
