//! The types of plain functions, as the host keeps them: schemas are written from them, and values converted by them.

use wasmtime::component::Type;

/// Types within each other. A schema takes up to four levels of JSON for each, and of those the host reads 100.
pub(super) const DEPTH_MAX: usize = 24;

/// Types, fields, cases and flags of all of a component's functions together. A type counts wherever it is used: a few
/// records that name each other twice are many.
pub(super) const PARTS_MAX: usize = 50_000;

/// Fields, cases or names of one type. They are looked for one after the other.
const NAMES_MAX: usize = 1_000;

/// Bytes of a name that count as a part of their own.
const NAME_BYTES: usize = 32;

/// A WIT type that has a JSON form, with all that it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Bool,
    Integer(Integer),
    F32,
    F64,
    Char,
    String,
    /// `list<u8>`, which is text in JSON.
    Bytes,
    List(Box<Shape>),
    Record(Vec<Field>),
    Tuple(Vec<Shape>),
    Variant(Vec<Case>),
    Enum(Vec<Box<str>>),
    Option(Box<Shape>),
    Result(Payload, Payload),
    Flags(Vec<Box<str>>),
}

/// A field of a record, or a parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) shape: Shape,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Case {
    pub(super) name: Box<str>,
    pub(super) payload: Payload,
}

/// What a case carries, if it carries something.
pub(super) type Payload = Option<Box<Shape>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl Integer {
    /// The least and the greatest that it holds.
    pub(super) fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (u8::MIN.into(), u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (u16::MIN.into(), u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (u32::MIN.into(), u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (u64::MIN.into(), u64::MAX.into()),
        }
    }
}

/// Why a type has no shape.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It holds something that is no value, such as a handle. The function, which does this, is left out.
    Handle(&'static str),
    /// It is too large. The component is refused.
    TooLarge(String),
}

/// Reads the engine's types, within the bounds of one component.
pub(super) struct Reader {
    left: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { left: PARTS_MAX }
    }

    pub(super) fn read(&mut self, ty: &Type) -> Result<Shape, Unfit> {
        self.shape(ty, 0)
    }

    /// Counts something that a function is made of.
    pub(super) fn take(&mut self, parts: usize) -> Result<(), Unfit> {
        match self.left.checked_sub(parts) {
            Some(left) => self.left = left,
            None => return Err(Unfit::TooLarge(format!("are made of more than {PARTS_MAX} parts"))),
        }
        Ok(())
    }

    fn shape(&mut self, ty: &Type, depth: usize) -> Result<Shape, Unfit> {
        if depth == DEPTH_MAX {
            return Err(Unfit::TooLarge(format!("are nested more than {DEPTH_MAX} deep")));
        }
        self.take(1)?;
        let depth = depth + 1;
        Ok(match ty {
            Type::Bool => Shape::Bool,
            Type::S8 => Shape::Integer(Integer::S8),
            Type::U8 => Shape::Integer(Integer::U8),
            Type::S16 => Shape::Integer(Integer::S16),
            Type::U16 => Shape::Integer(Integer::U16),
            Type::S32 => Shape::Integer(Integer::S32),
            Type::U32 => Shape::Integer(Integer::U32),
            Type::S64 => Shape::Integer(Integer::S64),
            Type::U64 => Shape::Integer(Integer::U64),
            Type::Float32 => Shape::F32,
            Type::Float64 => Shape::F64,
            Type::Char => Shape::Char,
            Type::String => Shape::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Shape::Bytes,
                item => Shape::List(Box::new(self.shape(&item, depth)?)),
            },
            Type::Record(record) => {
                let fields = few(record.fields())?;
                let fields = fields.map(|field| self.field(field.name, &field.ty, depth));
                Shape::Record(fields.collect::<Result<_, _>>()?)
            }
            Type::Tuple(tuple) => {
                Shape::Tuple(tuple.types().map(|ty| self.shape(&ty, depth)).collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let cases = few(variant.cases())?;
                let cases = cases.map(|case| {
                    Ok(Case { name: self.name(case.name)?, payload: self.payload(case.ty.as_ref(), depth)? })
                });
                Shape::Variant(cases.collect::<Result<_, _>>()?)
            }
            Type::Enum(ty) => Shape::Enum(few(ty.names())?.map(|name| self.name(name)).collect::<Result<_, _>>()?),
            Type::Flags(ty) => Shape::Flags(few(ty.names())?.map(|name| self.name(name)).collect::<Result<_, _>>()?),
            Type::Option(option) => Shape::Option(Box::new(self.shape(&option.ty(), depth)?)),
            Type::Result(result) => {
                Shape::Result(self.payload(result.ok().as_ref(), depth)?, self.payload(result.err().as_ref(), depth)?)
            }
            Type::Own(_) | Type::Borrow(_) => return Err(Unfit::Handle("takes or gives a resource")),
            Type::Stream(_) => return Err(Unfit::Handle("takes or gives a stream")),
            Type::Future(_) => return Err(Unfit::Handle("takes or gives a future")),
            Type::ErrorContext => return Err(Unfit::Handle("takes or gives an error-context")),
            // Proposals that the engine is not set to take: it refuses such a component before this.
            Type::Map(_) => return Err(Unfit::Handle("takes or gives a map")),
            Type::FixedLengthList(_) => return Err(Unfit::Handle("takes or gives a list of fixed length")),
        })
    }

    pub(super) fn parameter(&mut self, name: &str, ty: &Type) -> Result<Field, Unfit> {
        // Within the object of the arguments.
        self.field(name, ty, 1)
    }

    fn field(&mut self, name: &str, ty: &Type, depth: usize) -> Result<Field, Unfit> {
        Ok(Field { name: self.name(name)?, shape: self.shape(ty, depth)? })
    }

    fn payload(&mut self, ty: Option<&Type>, depth: usize) -> Result<Payload, Unfit> {
        ty.map(|ty| self.shape(ty, depth).map(Box::new)).transpose()
    }

    fn name(&mut self, name: &str) -> Result<Box<str>, Unfit> {
        self.take(1 + name.len() / NAME_BYTES)?;
        Ok(name.into())
    }
}

fn few<T: ExactSizeIterator>(names: T) -> Result<T, Unfit> {
    if names.len() > NAMES_MAX {
        return Err(Unfit::TooLarge(format!("have more than {NAMES_MAX} fields or cases")));
    }
    Ok(names)
}
