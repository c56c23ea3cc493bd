//! A JSON array read element by element, none of which is kept: a guest decides
//! how many there are.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// Gives each element of an array to `each`; false where the text is no array of
/// such elements. What came before the fault was given.
pub(crate) fn for_each<'de, T: Deserialize<'de>>(json: &'de str, each: impl FnMut(T)) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_seq(Each::new(each)).is_ok()
}

struct Each<T, F> {
    each: F,
    element: PhantomData<T>,
}

impl<T, F> Each<T, F> {
    fn new(each: F) -> Self {
        let element = PhantomData;
        Self { each, element }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(element) = sequence.next_element()? {
            (self.each)(element);
        }
        Ok(())
    }
}
