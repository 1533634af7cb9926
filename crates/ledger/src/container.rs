//! The container of a bundle: the plain part of POSIX tar (ustar), so that any `tar` unpacks it, in the
//! one spelling that is written here. What is read is written again and compared, so every byte counts.

/// Headers, contents and the end are filled up to multiples of this many bytes.
pub const BLOCK: usize = 512;

/// What follows the last file.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The largest content: eleven octal digits.
const MAX_SIZE: u64 = (1 << 33) - 1;

/// The bytes are no container in the spelling that is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// The bytes end before the container does.
    #[error("the container ends early, behind byte {0}")]
    Short(usize),
    /// A header, or what fills a file up, is not as it is written.
    #[error("the container is not as it is written, at byte {0}")]
    Malformed(usize),
    /// The name is empty, longer than 100 bytes or not plain ASCII, or the content is 8 GiB or more.
    #[error("no file of a container has such a name or size")]
    File,
}

/// The header of a file: a regular one of nobody and of no time, readable by all.
pub fn file_header(name: &str, size: u64) -> Result<[u8; BLOCK], ContainerError> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > 100 || !is_plain || size > MAX_SIZE {
        return Err(ContainerError::File);
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0        0");
    put(257, b"ustar\x0000");
    // The sum of the header with blanks in its place.
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// The zeros that follow a content of that size.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    &END[..(size.wrapping_neg() % BLOCK as u64) as usize]
}

/// The files of a container in their order. Their names may repeat.
pub fn read_container(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, ContainerError> {
    let (mut files, mut rest) = (Vec::new(), bytes);
    loop {
        let at = bytes.len() - rest.len();
        let short = ContainerError::Short(at);
        let (header, behind) = rest.split_first_chunk::<BLOCK>().ok_or(short)?;
        if header == &END[..BLOCK] {
            return match behind {
                _ if behind == &END[..BLOCK] => Ok(files),
                _ if behind.len() < BLOCK => Err(short),
                _ => Err(ContainerError::Malformed(at + BLOCK)),
            };
        }
        let (name, size) = name_and_size(header).ok_or(ContainerError::Malformed(at))?;
        if file_header(name, size).as_ref() != Ok(header) {
            return Err(ContainerError::Malformed(at));
        }
        let size = usize::try_from(size).map_err(|_| short)?;
        let (content, behind) = behind.split_at_checked(size).ok_or(short)?;
        let zeros = padding(size as u64);
        let (filled, behind) = behind.split_at_checked(zeros.len()).ok_or(short)?;
        if filled != zeros {
            return Err(ContainerError::Malformed(at + BLOCK + size));
        }
        files.push((name, content));
        rest = behind;
    }
}

/// What a header says, whether or not it is spelled right.
fn name_and_size(header: &[u8; BLOCK]) -> Option<(&str, u64)> {
    let name = header[..100].split(|byte| *byte == 0).next()?;
    let size = u64::from_str_radix(str::from_utf8(&header[124..135]).ok()?, 8).ok()?;
    Some((str::from_utf8(name).ok()?, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (name, content) in files {
            all.extend(file_header(name, content.len() as u64).unwrap());
            all.extend(*content);
            all.extend(padding(content.len() as u64));
        }
        all.extend(END);
        all
    }

    #[test]
    fn what_is_written_is_read_at_every_size_of_a_content() {
        for size in [0, 1, 511, 512, 513, 1024] {
            let content = vec![7; size];
            let files = [("a", &content[..]), ("b.bin", b"x"), ("a", b"")];
            let bytes = container(&files);
            assert_eq!(bytes.len() % BLOCK, 0);
            assert_eq!(read_container(&bytes).unwrap(), files, "size {size}");
        }
        assert_eq!(read_container(&END), Ok(Vec::new()));
    }

    #[test]
    fn every_changed_bit_outside_of_a_content_is_refused() {
        let bytes = container(&[("a", b"content"), ("b", b"")]);
        for place in (0..bytes.len()).filter(|place| !(BLOCK..BLOCK + 7).contains(place)) {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let read = read_container(&changed);
                // Another name with another sum would take two bits.
                assert!(read.is_err(), "bit {bit} of byte {place}: {read:?}");
            }
        }
    }

    #[test]
    fn a_container_that_is_cut_or_goes_on_is_refused() {
        let bytes = container(&[("a", b"content")]);
        for length in 0..bytes.len() {
            assert!(read_container(&bytes[..length]).is_err(), "{length}");
        }
        for more in [&[0][..], &END, b"x"] {
            assert!(read_container(&[&bytes, more].concat()).is_err());
        }
        assert_eq!(read_container(&bytes[..bytes.len() - BLOCK]), Err(ContainerError::Short(1024)));
    }

    #[test]
    fn names_and_sizes_have_limits() {
        for name in ["", "ä", "a b", &"a".repeat(101)] {
            assert_eq!(file_header(name, 0), Err(ContainerError::File), "{name}");
        }
        assert_eq!(file_header("a", MAX_SIZE + 1), Err(ContainerError::File));
        assert!(file_header("a", MAX_SIZE).is_ok());
        // A size beyond the bytes that are there.
        let mut lying = file_header("a", MAX_SIZE).unwrap().to_vec();
        lying.extend(END);
        assert_eq!(read_container(&lying), Err(ContainerError::Short(0)));
    }
}
