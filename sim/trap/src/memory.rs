//! An allocator that is not watched. Where memory comes from, and what an allocator reads to decide when to give it back, is seen by
//! no task; and each of its system calls would take the way through the handler.

use std::alloc::{GlobalAlloc, Layout};

use crate::aside;

/// An allocator, [aside](crate::aside).
#[derive(Debug)]
pub struct Unwatched<A>(pub A);

// SAFETY: every call is handed on as it came, and what comes back is given back as it is.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Unwatched<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        aside(|| unsafe { self.0.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        aside(|| unsafe { self.0.dealloc(pointer, layout) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        aside(|| unsafe { self.0.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        aside(|| unsafe { self.0.realloc(pointer, layout, size) })
    }
}
