//! A value about a person that cannot get out by accident: it is not serialised, not printed, not
//! dereferenced. Whoever wants it says so, and must say what happens when it is erased.

use std::fmt;
use std::marker::PhantomData;

use crate::purpose::Class;

/// What reading a personal value gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<T> {
    /// The value.
    Known(T),
    /// Its key was destroyed; nobody can read it any more.
    Erased,
}

/// A value about a person, for one purpose. It can be sealed, revealed on purpose, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<C, T> {
    reading: Reading<T>,
    class: PhantomData<fn() -> C>,
}

impl<C: Class, T> Personal<C, T> {
    /// A value that is known.
    pub const fn new(value: T) -> Self {
        Self { reading: Reading::Known(value), class: PhantomData }
    }

    /// A value whose key was destroyed.
    #[must_use]
    pub const fn erased() -> Self {
        Self { reading: Reading::Erased, class: PhantomData }
    }

    /// Whether the value's key was destroyed.
    pub const fn is_erased(&self) -> bool {
        matches!(self.reading, Reading::Erased)
    }

    /// The value in clear. Who calls this answers for where it goes.
    pub const fn reveal(&self) -> Reading<&T> {
        match &self.reading {
            Reading::Known(value) => Reading::Known(value),
            Reading::Erased => Reading::Erased,
        }
    }

    /// The value in clear, by value.
    pub fn into_revealed(self) -> Reading<T> {
        self.reading
    }

    /// Another value made of this one, as closed as this.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Personal<C, U> {
        let reading = match self.reading {
            Reading::Known(value) => Reading::Known(f(value)),
            Reading::Erased => Reading::Erased,
        };
        Personal { reading, class: PhantomData }
    }
}

impl<C: Class, T> fmt::Debug for Personal<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.is_erased() { "erased" } else { "…" };
        write!(f, "Personal<{}>({shown})", C::PURPOSE.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::{Identity, SpecialCategory};

    /// Does not compile if the type has the trait: then two implementations fit the call.
    macro_rules! assert_not_impl {
        ($type:ty: $($bound:path),+) => {$({
            trait Ambiguous<A> {
                fn holds() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $bound> Ambiguous<Has> for T {}
            <$type as Ambiguous<_>>::holds();
        })+};
    }

    #[test]
    fn a_personal_value_has_no_way_out_but_its_own() {
        assert_not_impl!(Personal<Identity, String>: serde::Serialize, fmt::Display, std::ops::Deref, AsRef<str>);
        assert_not_impl!(Reading<Personal<Identity, String>>: serde::Serialize, fmt::Display, std::ops::Deref);
    }

    #[test]
    fn printing_a_personal_value_shows_its_purpose_only() {
        let value = Personal::<SpecialCategory, _>::new(Some("canary".to_owned()));
        for text in [format!("{value:?}"), format!("{value:#?}"), format!("{:#?}", Some([&value]))] {
            assert!(!text.contains("canary") && text.contains("special_category"), "{text}");
        }
        assert_eq!(format!("{:?}", Personal::<Identity, u8>::erased()), "Personal<identity>(erased)");
    }

    #[test]
    fn a_value_is_revealed_or_erased_and_stays_so() {
        let value = Personal::<Identity, _>::new(41).map(|age| age + 1);
        assert!(!value.is_erased());
        assert_eq!(value.reveal(), Reading::Known(&42));
        assert_eq!(value.into_revealed(), Reading::Known(42));
        let erased = Personal::<Identity, i32>::erased().map(|age| age + 1);
        assert!(erased.is_erased());
        assert_eq!(erased.into_revealed(), Reading::Erased);
    }
}
