//! Hash functions.

use data_encoding::HEXLOWER;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::text::Algorithm;

/// The hash of `bytes` in hexadecimal digits.
pub(crate) fn hex(algorithm: Algorithm, bytes: &[u8]) -> String {
    match algorithm {
        Algorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(bytes)),
        Algorithm::Sha512 => HEXLOWER.encode(&Sha512::digest(bytes)),
        Algorithm::Sha1 => HEXLOWER.encode(&Sha1::digest(bytes)),
        Algorithm::Md5 => HEXLOWER.encode(&Md5::digest(bytes)),
        Algorithm::Blake3 => HEXLOWER.encode(blake3::hash(bytes).as_bytes()),
        Algorithm::Crc32 => format!("{:08x}", crc32fast::hash(bytes)),
    }
}
