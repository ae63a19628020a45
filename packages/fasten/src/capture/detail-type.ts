// SPDX-License-Identifier: Apache-2.0

/**
 * The TypeScript type of a detail from its schema, where the schema is known as a literal. Members that a schema does not list are refused
 * by the compiler unless it says `additionalProperties: true`; a name that is only in `required` is `unknown`.
 */
export type DetailFrom<S> = ObjectFrom<S>

type Primitives = {
  readonly string: string
  readonly number: number
  readonly integer: number
  readonly boolean: boolean
  readonly null: null
}

type MemberFrom<S> = S extends string
  ? TypeFrom<S, unknown>
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly type: infer T }
      ? T extends readonly (infer U)[]
        ? TypeFrom<U, S>
        : TypeFrom<T, S>
      : S extends { readonly properties: object }
        ? ObjectFrom<S>
        : S extends { readonly items: infer I }
          ? readonly MemberFrom<I>[]
          : unknown

/** Spread over a union of types. */
type TypeFrom<T, S> = T extends keyof Primitives
  ? Primitives[T]
  : T extends 'array'
    ? readonly (S extends { readonly items: infer I } ? MemberFrom<I> : unknown)[]
    : T extends 'object'
      ? ObjectFrom<S>
      : unknown

type PropertiesOf<S> = S extends { readonly properties: infer P } ? P : object
type RequiredOf<S> = S extends { readonly required: readonly (infer R)[] } ? R & string : never

type ObjectFrom<S> = Shown<
  { readonly [K in keyof PropertiesOf<S> & RequiredOf<S>]: MemberFrom<PropertiesOf<S>[K]> } & {
    readonly [K in Exclude<keyof PropertiesOf<S>, RequiredOf<S>>]?: MemberFrom<PropertiesOf<S>[K]>
  } & { readonly [K in Exclude<RequiredOf<S>, keyof PropertiesOf<S>>]: unknown }
> &
  OpenFrom<S>

type OpenFrom<S> = S extends { readonly additionalProperties: true }
  ? { readonly [name: string]: unknown }
  : S extends { readonly properties: object }
    ? object
    : { readonly [name: string]: unknown }

/** One object type instead of an intersection, for readable hints. */
type Shown<T> = { readonly [K in keyof T]: T[K] }
