//! Ranges of addresses that may connect, as `loadBalancerSourceRanges` writes them. Pure.

use std::net::IpAddr;
use std::str::FromStr;

/// `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceRange {
    bits: u128,
    mask: u128,
    is_v4: bool,
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for SourceRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no range of addresses");
        let (address, length) = text.trim().split_once('/').ok_or_else(wrong)?;
        let (address, length): (IpAddr, u32) = (address.parse().map_err(|_| wrong())?, length.parse().map_err(|_| wrong())?);
        if length > if address.is_ipv4() { 32 } else { 128 } {
            return Err(wrong());
        }
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or_default();
        Ok(Self { bits: bits(address) & mask, mask, is_v4: address.is_ipv4() })
    }
}

impl SourceRange {
    /// Whether `address` lies in it.
    pub fn holds(self, address: IpAddr) -> bool {
        self.is_v4 == address.is_ipv4() && bits(address) & self.mask == self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, address: &str) -> bool {
        range.parse::<SourceRange>().unwrap().holds(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_what_begins_like_it() {
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("127.0.0.1/32", "127.0.0.1") && !holds("127.0.0.1/32", "127.0.0.2"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["10.0.0.0", "10.0.0.0/33", "ten/8", "::/129"] {
            assert!(text.parse::<SourceRange>().is_err(), "{text}");
        }
    }
}
