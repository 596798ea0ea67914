//! The `Date` header: a time of day as IMF-fixdate (RFC 9110 §5.6.7), formatted by hand.
//!
//! hyper's own header reads the real clock. Formatting takes about as long as it would take to look after a cached value,
//! so each answer formats its own and an idle connection remembers none.

use http::HeaderValue;

use crate::env::WallTime;

const DAY_S: u64 = 86_400;
const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// The header's value, such as `Sun, 06 Nov 1994 08:49:37 GMT`. After the year 9999 it stays in that year's last second.
pub(super) fn date(wall: WallTime) -> HeaderValue {
    const LAST_S: u64 = 253_402_300_799;
    let unix_s = (wall.unix_ms() / 1_000).min(LAST_S);
    let (days, second) = (unix_s / DAY_S, unix_s % DAY_S);
    let (year, month, day) = civil(days);
    let mut text = *b"---, -- --- ---- --:--:-- GMT";
    text[..3].copy_from_slice(name(WEEKDAYS, days % 7));
    digits(&mut text[5..7], day);
    text[8..11].copy_from_slice(name(MONTHS, month - 1));
    digits(&mut text[12..16], year);
    digits(&mut text[17..19], second / 3_600);
    digits(&mut text[20..22], second / 60 % 60);
    digits(&mut text[23..25], second % 60);
    HeaderValue::from_bytes(&text).expect("digits and letters must be a header value")
}

/// Year, month and day (both from 1) of a number of days since 1970-01-01, in the Gregorian calendar: Hinnant's
/// `civil_from_days`, which starts years in March so that the leap day is their last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + (month <= 2) as u64, month, day)
}

fn name(names: &[u8], index: u64) -> &[u8] {
    let at = usize::try_from(index * 3).expect("an index of a name must be small");
    &names[at..at + 3]
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::date;
    use crate::env::WallTime;

    fn check(unix_s: u64, expect: &str) {
        assert_eq!(date(WallTime::from_unix_ms(unix_s * 1_000 + 999)), expect);
    }

    #[test]
    fn a_date_reads_as_the_calendar_has_it() {
        check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
        check(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT");
        check(951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT");
        check(951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT");
        check(4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT");
        check(253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT");
        check(300_000_000_000, "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
