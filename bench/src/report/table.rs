//! A Markdown table whose columns line up as plain text.

use std::fmt::{Display, Formatter, Result};

pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(heads: [impl Into<String>; COLUMNS]) -> Self {
        Self { rows: vec![heads.map(Into::into)] }
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// Whether it has no row under its heads.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl<const COLUMNS: usize> Display for Table<COLUMNS> {
    /// The first column is text and stands left, the others are numbers and stand right.
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let widths: [usize; COLUMNS] =
            std::array::from_fn(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (at, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                if column == 0 {
                    write!(out, "| {cell:<width$} ")?;
                } else {
                    write!(out, "| {cell:>width$} ")?;
                }
            }
            writeln!(out, "|")?;
            if at == 0 {
                for (column, width) in widths.into_iter().enumerate() {
                    let (dashes, end) = if column == 0 { (width + 2, "") } else { (width + 1, ":") };
                    write!(out, "|{}{end}", "-".repeat(dashes))?;
                }
                writeln!(out, "|")?;
            }
        }
        Ok(())
    }
}
