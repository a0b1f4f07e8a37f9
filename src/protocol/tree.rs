//! One origin's tree as one node sees it, and over which links the copies of one message came: a few bits per link.
//!
//! Values only; what is done with them is decided in `trees.rs`.

/// Messages in a row that a parent may fail to bring.
const MOST_MISSED: u8 = 3;

/// One origin's tree as this node sees it: a few bits per link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The link over which this origin's messages come.
    pub(super) parent: Option<u8>,
    /// The parent before, to be told to stop when the new one has been asked to push.
    pub(super) outgoing: Option<u8>,
    /// Messages in a row that others brought and the parent did not.
    pub(super) missed: u8,
    /// Links over which this origin's messages are not wanted.
    pub(super) lazy: u64,
    /// Links that were the parent when something had to be repaired: what they announce makes them no parent again.
    pub(super) failed: u64,
    /// Links whose other side was told unasked that this origin's messages are not needed.
    pub(super) told: u64,
}

/// Over which links a copy of one message came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    pub(super) first: Option<u8>,
    pub(super) handed: u64,
}

/// A link's place among the bits.
pub(super) fn bit(slot: u8) -> u64 {
    1 << (slot & 63)
}

impl Copies {
    /// The first copy came over this link, if over any.
    pub(super) fn begin(slot: Option<u8>) -> Copies {
        Copies { first: slot, handed: slot.map_or(0, bit) }
    }
}

impl Tree {
    /// Whether messages of this origin are not pushed over a link.
    pub(super) fn is_lazy(&self, slot: u8) -> bool {
        self.lazy & bit(slot) != 0
    }

    /// Whether a link is the one over which this origin's messages come.
    pub(super) fn is_parent(&self, slot: u8) -> bool {
        self.parent == Some(slot)
    }

    pub(super) fn set_lazy(&mut self, slot: u8) {
        self.lazy |= bit(slot);
    }

    pub(super) fn set_eager(&mut self, slot: u8) {
        self.lazy &= !bit(slot);
    }

    /// Pushes over all links again.
    pub(super) fn wake(&mut self) {
        self.lazy = 0;
    }

    /// Something new came over a link. A parent that brings nothing any more, as its own way now leads through this node,
    /// is replaced by whoever does.
    pub(super) fn brought_by(&mut self, slot: u8) {
        let parent = *self.parent.get_or_insert(slot);
        self.missed = if parent == slot { 0 } else { self.missed + 1 };
        if self.missed >= MOST_MISSED {
            self.parent = Some(slot);
            self.missed = 0;
        }
    }

    /// A link is gone; true if it was the parent.
    pub(super) fn lose(&mut self, slot: u8) -> bool {
        self.set_eager(slot);
        self.failed &= !bit(slot);
        self.told &= !bit(slot);
        self.outgoing.take_if(|outgoing| *outgoing == slot);
        let lost = self.parent == Some(slot);
        if lost {
            self.parent = None;
        }
        lost
    }
}
