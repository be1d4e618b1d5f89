//! The palette: each role's colour on a light page and on a dark one.
//!
//! Found by a search for colours that stay apart for colour-blind eyes and have a contrast of 3:1
//! to their page. The test below holds the table to that contrast.

/// A colour by its role: its name, on a light page, on a dark page.
pub type Colour = (&'static str, &'static str, &'static str);

/// Every colour of the diagram.
pub const THEME: [Colour; 15] = [
    ("page", "#ffffff", "#12161b"),
    ("ink", "#1b2330", "#e6ebf2"),
    ("muted", "#5b6675", "#98a4b3"),
    ("rule", "#c4ccd6", "#3a4553"),
    ("grid", "#e8ebef", "#1e252e"),
    ("request", "#113eb2", "#547ef2"),
    ("response", "#00a1c2", "#5debf8"),
    ("vote", "#692165", "#b66c98"),
    ("vote-reply", "#00826a", "#7dc295"),
    ("client", "#d38200", "#fed852"),
    ("bad", "#c73b00", "#e24c00"),
    ("band-0", "#dfeaf9", "#16263a"),
    ("band-1", "#fbeccf", "#33270f"),
    ("band-2", "#dcf1e8", "#12302a"),
    ("band-3", "#f3e2ee", "#33203a"),
];

/// How many tints there are for roles.
pub const BANDS: usize = 4;

/// The palette as custom properties of CSS, for both kinds of page.
pub fn css() -> String {
    let colours = |pick: fn(&Colour) -> &'static str| -> String {
        THEME.iter().map(|colour| format!("--{}:{};", colour.0, pick(colour))).collect()
    };
    format!(
        ".sb{{{}}}\n@media(prefers-color-scheme:dark){{.sb{{{}}}}}\n",
        colours(|colour| colour.1),
        colours(|colour| colour.2)
    )
}

/// How the parts are drawn, with the colours of the palette.
pub const STYLE: &str = "\
.sb text{font:11px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--ink);\
font-variant-numeric:tabular-nums}
.sb .page,.sb .page-disc,.sb .break{fill:var(--page)}
.sb .id{font-size:13px;font-weight:700;fill:var(--bad)}
.sb .title{font-size:13px}
.sb .name{font-size:13px;font-weight:600;text-anchor:end}
.sb .tick{fill:var(--muted);text-anchor:middle}
.sb .halo{paint-order:stroke;stroke:var(--page);stroke-width:4px;stroke-linejoin:round}
.sb .quiet,.sb .fault-text{fill:var(--muted)}
.sb .op-text{font-size:12px}
.sb .bad-text,.sb .wrong-text{fill:var(--bad)}
.sb .role{font-weight:600}
.sb line,.sb path{fill:none}
.sb .grid{stroke:var(--grid)}
.sb .rule{stroke:var(--rule)}
.sb .lane{stroke:var(--muted);stroke-width:1.25}
.sb .part{stroke:var(--ink);stroke-width:1.5}
.sb .wall{stroke:var(--muted);stroke-width:2;stroke-dasharray:1 5;stroke-linecap:round}
.sb .fault{fill:url(#sb-hatch);stroke:var(--rule)}
.sb .pause{fill:url(#sb-hatch);stroke:var(--muted)}
.sb .pause-bar{stroke:var(--ink);stroke-width:2.5}
.sb .down{fill:url(#sb-down);stroke:var(--bad)}
.sb .restart{stroke:var(--ink);stroke-width:1.75}
.sb .op{stroke:var(--muted)}
.sb .ok{fill:var(--grid)}
.sb .fail,.sb .unknown{fill:var(--page);stroke-dasharray:4 3}
.sb .wrong{stroke:var(--bad);stroke-width:2}
.sb .m{stroke:var(--tone);stroke-width:1.75}
.sb .m .head{fill:var(--tone);stroke:none}
.sb .m.dash .message{stroke-dasharray:6 4}
.sb .m .copy{stroke-width:1;stroke-dasharray:2 3}
.sb .chatter{opacity:.55}
.sb .request{--tone:var(--request)}
.sb .response{--tone:var(--response)}
.sb .vote{--tone:var(--vote)}
.sb .vote-reply{--tone:var(--vote-reply)}
.sb .client{--tone:var(--client)}
.sb .lost{--tone:var(--bad);opacity:1}
.sb .lost.chatter{opacity:.7}
.sb .cross{stroke:var(--bad);stroke-width:2.25;stroke-linecap:round}
.sb .timer{stroke:var(--muted);fill:none}
.sb .synced{stroke:var(--ink);stroke-width:3}
.sb .note{fill:var(--ink)}
.sb path.violated{fill:var(--bad)}
.sb .band-0{fill:var(--band-0)}
.sb .band-1{fill:var(--band-1)}
.sb .band-2{fill:var(--band-2)}
.sb .band-3{fill:var(--band-3)}
.sb .on-0{stroke:var(--band-0)}
.sb .on-1{stroke:var(--band-1)}
.sb .on-2{stroke:var(--band-2)}
.sb .on-3{stroke:var(--band-3)}
.sb .edge{stroke:var(--muted)}
.sb .hatch{stroke:var(--rule);stroke-width:2}
.sb .hatch-bad{stroke:var(--bad);stroke-width:1.5;opacity:.6}
";

/// The hatches.
pub const DEFS: &str = "\
<defs>
<pattern id=\"sb-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect class=\"page\" width=\"6\" height=\"6\"/>\
<line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern>
<pattern id=\"sb-down\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect class=\"page\" width=\"6\" height=\"6\"/>\
<line class=\"hatch-bad\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern>
</defs>
";

#[cfg(test)]
#[expect(clippy::float_arithmetic, reason = "contrast is defined with powers [wcag 1.4.3]")]
mod tests {
    use super::*;

    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn colour(name: &str) -> Colour {
        *THEME.iter().find(|colour| colour.0 == name).unwrap()
    }

    #[test]
    fn marks_and_texts_have_contrast() {
        let page = colour("page");
        for mark in ["request", "response", "vote", "vote-reply", "client", "bad"] {
            let mark = colour(mark);
            assert!(contrast(mark.1, page.1) >= 2.99, "{} on light", mark.0);
            assert!(contrast(mark.2, page.2) >= 2.99, "{} on dark", mark.0);
        }
        for text in ["ink", "muted", "bad"] {
            for ground in ["page", "grid", "band-0", "band-1", "band-2", "band-3"] {
                let (text, ground) = (colour(text), colour(ground));
                let least = if text.0 == "bad" { 3.0 } else { 4.5 };
                assert!(contrast(text.1, ground.1) >= least, "{} on light {}", text.0, ground.0);
                assert!(contrast(text.2, ground.2) >= least, "{} on dark {}", text.0, ground.0);
            }
        }
    }
}
