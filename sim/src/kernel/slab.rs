//! A table whose keys carry a generation, so that a handle to what is gone never reaches what came after it.
//!
//! Slots are reused last-in first-out and generations count insertions, so the same run gives the same keys.

/// A handle into a [`Slab`]. The number of the world keeps a handle that outlived its world from reaching the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
    world: u32,
}

impl Key {
    /// A number for the trace: the same in every run of a seed.
    pub(crate) fn trace(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.generation)
    }
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// See the [module](self) page.
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    inserted: u32,
    world: u32,
}

impl<T> Slab<T> {
    pub(crate) fn new(world: u32) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), inserted: 0, world }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.inserted = self.inserted.wrapping_add(1);
        let slot = Slot { generation: self.inserted, value: Some(value) };
        let index = if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            index
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).expect("a world must hold fewer than 2^32 of anything")
        };
        Key { index, generation: self.inserted, world: self.world }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation == key.generation && self.world == key.world { slot.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation && self.world == key.world { slot.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation || self.world != key.world {
            return None;
        }
        let value = slot.value.take()?;
        self.free.push(key.index);
        Some(value)
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Everything there is, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let index = u32::try_from(index).ok()?;
            let key = Key { index, generation: slot.generation, world: self.world };
            slot.value.as_ref().map(|value| (key, value))
        })
    }
}
