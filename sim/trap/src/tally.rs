//! Whose memory it is: an allocator that keeps accounts.
//!
//! Each block is taken on the account of whoever is at work, and given back to the same one, whoever is at work when it is freed.
//! Whose turn it is, is asked of whoever [runs worlds](keep_accounts) on this thread. A world stays on its thread, and so do its
//! blocks: accounts are a thread's own. A block says in a word before itself whose it is, so each takes 8 bytes more, or as many as it
//! is aligned to: only programs that mean to count have this.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

/// So many accounts, numbered from 0, which is nobody's. Of larger numbers none is kept.
pub const ACCOUNTS: usize = 256;

/// What is held on an account, in bytes that were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Held {
    /// Now.
    pub bytes: usize,
    /// At most, since [accounts are kept](keep_accounts).
    pub bytes_max: usize,
}

#[derive(Clone, Copy, Default)]
struct Account {
    bytes: i64,
    bytes_max: i64,
    /// What was on it when it was begun: blocks that outlived the world before.
    begun_at: i64,
}

thread_local! {
    // None of these has a destructor, so they are there for as long as their thread, which frees to its end.
    static WHOSE_TURN: Cell<Option<fn() -> usize>> = const { Cell::new(None) };
    static BOOK: [Cell<Account>; ACCOUNTS] =
        const { [const { Cell::new(Account { bytes: 0, bytes_max: 0, begun_at: 0 }) }; ACCOUNTS] };
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// From now on `whose_turn` says on which account a block of this thread is taken. It must take none itself. Each account begins at
/// nothing.
pub fn keep_accounts(whose_turn: fn() -> usize) {
    WHOSE_TURN.set(Some(whose_turn));
    for account in 0..ACCOUNTS {
        change(account, |account| {
            *account = Account { bytes_max: account.bytes, begun_at: account.bytes, ..*account }
        });
    }
}

/// What is on an account; `None` in a program that does not count.
#[must_use]
pub fn held(account: usize) -> Option<Held> {
    let Account { bytes, bytes_max, begun_at } = BOOK.with(|book| book.get(account).map(Cell::get))?;
    let since = |bytes: i64| usize::try_from(bytes - begun_at).unwrap_or_default();
    IS_COUNTED.get().then(|| Held { bytes: since(bytes), bytes_max: since(bytes_max) })
}

fn change(account: usize, by: impl FnOnce(&mut Account)) {
    BOOK.with(|book| {
        if let Some(place) = book.get(account) {
            let mut account = place.get();
            by(&mut account);
            place.set(account);
        }
    });
}

fn book(account: usize, bytes: i64) {
    change(account, |account| {
        account.bytes += bytes;
        account.bytes_max = account.bytes_max.max(account.bytes);
    });
}

/// An allocator that keeps accounts of what it takes from another.
#[derive(Debug)]
pub struct Tally<A>(pub A);

/// A block with room before it for whose it is. `None` where no address could be so large.
fn with_room(layout: Layout) -> Option<(Layout, usize)> {
    let room = layout.align().max(size_of::<usize>());
    let size = layout.size().checked_add(room)?;
    Some((Layout::from_size_align(size, room).ok()?, room))
}

impl<A: GlobalAlloc> Tally<A> {
    /// # Safety
    /// As `take`, which is `alloc` or `alloc_zeroed` of the other.
    unsafe fn take(&self, layout: Layout, take: unsafe fn(&A, Layout) -> *mut u8) -> *mut u8 {
        let Some((whole, room)) = with_room(layout) else { return std::ptr::null_mut() };
        // SAFETY: the size is not zero, for there is room before the block.
        let start = unsafe { take(&self.0, whole) };
        if start.is_null() {
            return start;
        }
        let account = WHOSE_TURN.get().map_or(0, |whose| whose()).min(ACCOUNTS);
        IS_COUNTED.set(true);
        book(account, layout.size() as i64);
        // SAFETY: the room is before the block, inside of what was taken, and aligned for a word.
        unsafe {
            let block = start.add(room);
            block.cast::<usize>().sub(1).write(account);
            block
        }
    }
}

// SAFETY: each block is one of the other allocator, behind room of a known size: that of its alignment, but at least a word.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Tally<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.take(layout, A::alloc) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.take(layout, A::alloc_zeroed) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((whole, room)) = with_room(layout) else { return };
        // SAFETY: the caller promises that the block is one of ours, with this layout: a word and the start are before it.
        unsafe {
            book(block.cast::<usize>().sub(1).read(), -(layout.size() as i64));
            self.0.dealloc(block.sub(room), whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    thread_local! {
        static TURN: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_block_is_given_back_to_whose_it_was_whoever_frees_it() {
        let tally = Tally(System);
        for align in [1, 8, 64, 4_096] {
            keep_accounts(|| TURN.get());
            let layout = Layout::from_size_align(1_000, align).expect("must be a layout");
            TURN.set(1);
            // SAFETY: what is taken is written to within its size and given back once, with the layout that it has.
            unsafe {
                let block = tally.alloc(layout);
                assert_eq!(block.addr() % align, 0);
                block.write_bytes(7, layout.size());
                TURN.set(2);
                assert_eq!(held(1), Some(Held { bytes: 1_000, bytes_max: 1_000 }));
                let block = tally.realloc(block, layout, 3_000);
                assert_eq!(block.add(999).read(), 7);
                assert_eq!(held(1).map(|held| held.bytes), Some(0));
                assert_eq!(held(2), Some(Held { bytes: 3_000, bytes_max: 3_000 }));
                TURN.set(1);
                tally.dealloc(block, Layout::from_size_align(3_000, align).expect("must be a layout"));
            }
            assert_eq!(held(2).map(|held| held.bytes), Some(0));
        }
    }
}
