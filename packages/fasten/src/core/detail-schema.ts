// SPDX-License-Identifier: Apache-2.0
import { didYouMean } from './nearest-word.ts'

export const memberTypes = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] as const
export type MemberType = (typeof memberTypes)[number]

/** One member of a detail: a subset of JSON Schema, or just the name of a type. */
export type MemberSchema =
  | MemberType
  | {
      /** One type, or the list of those allowed. Anything when absent. */
      readonly type?: MemberType | readonly MemberType[]
      readonly description?: string
      readonly enum?: readonly (string | number | boolean | null)[]
      /** Of an array. */
      readonly items?: MemberSchema
      /** Of an object. */
      readonly properties?: { readonly [name: string]: MemberSchema }
      readonly required?: readonly string[]
      /** False: members that are not listed are a mistake. Default true. */
      readonly additionalProperties?: boolean
    }

/** What a code's `detail` holds. Members that are not listed are allowed unless `additionalProperties` is false. */
export interface DetailSchema {
  readonly type?: 'object'
  readonly description?: string
  readonly properties?: { readonly [name: string]: MemberSchema }
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
}

/** Where in the given value something is wrong, as keys and indexes from its root, and what. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

const words = [
  'type',
  'description',
  'enum',
  'items',
  'properties',
  'required',
  'additionalProperties',
] as const

/** What is wrong with a schema that somebody wrote; empty when it is a `DetailSchema`. */
export function detailSchemaProblems(given: unknown): readonly SchemaProblem[] {
  const problems: SchemaProblem[] = []
  if (!isRecord(given))
    return [{ path: [], message: 'detail must be a schema of an object: {required: […], properties: {…}}' }]
  if (given['type'] !== undefined && given['type'] !== 'object') {
    problems.push({ path: ['type'], message: `the type of a detail is object, not ${quoted(given['type'])}` })
  }
  for (const word of ['enum', 'items'] as const) {
    if (given[word] !== undefined)
      problems.push({ path: [word], message: `a detail is an object and has no ${word}` })
  }
  objectProblems(given, [], problems, 0)
  return problems
}

function objectProblems(
  given: Record<string, unknown>,
  path: readonly (string | number)[],
  problems: SchemaProblem[],
  depth: number,
): void {
  const complain = (key: string | number, message: string): void =>
    void problems.push({ path: [...path, key], message })
  for (const key of Object.keys(given)) {
    if (!(words as readonly string[]).includes(key)) {
      complain(
        key,
        `unknown word "${key}" in a detail schema${didYouMean(key, words)}; known are ${words.join(', ')}`,
      )
    }
  }
  const { properties, required, additionalProperties, description } = given
  if (description !== undefined && typeof description !== 'string')
    complain('description', 'description must be a string')
  if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean') {
    complain('additionalProperties', 'additionalProperties must be true or false')
  }
  if (properties !== undefined && !isRecord(properties))
    complain('properties', 'properties must be a mapping of names to schemas')
  if (required !== undefined && !isListOfNames(required))
    complain('required', 'required must be a list of different names')
  if (isRecord(properties)) {
    for (const [name, member] of Object.entries(properties))
      memberProblems(member, [...path, 'properties', name], problems, depth + 1)
  }
}

function memberProblems(
  given: unknown,
  path: readonly (string | number)[],
  problems: SchemaProblem[],
  depth: number,
): void {
  if (depth > 16) return void problems.push({ path, message: 'a detail schema may be 16 levels deep' })
  if (typeof given === 'string') {
    if (!isMemberType(given)) problems.push({ path, message: typeMessage(given) })
    return
  }
  if (!isRecord(given)) {
    return void problems.push({
      path,
      message: `a member is a type (${memberTypes.join(', ')}) or a schema, not ${quoted(given)}`,
    })
  }
  const { type, items } = given
  const types = Array.isArray(type) ? (type as readonly unknown[]) : type === undefined ? [] : [type]
  for (const one of types)
    if (!isMemberType(one)) problems.push({ path: [...path, 'type'], message: typeMessage(one) })
  if (Array.isArray(type) && type.length === 0)
    problems.push({ path: [...path, 'type'], message: 'type must name at least one type' })
  const choices = given['enum']
  if (
    choices !== undefined &&
    (!Array.isArray(choices) || choices.length === 0 || choices.some((one) => !isScalar(one)))
  ) {
    problems.push({
      path: [...path, 'enum'],
      message: 'enum must be a list of strings, numbers, booleans or null',
    })
  }
  objectProblems(given, path, problems, depth)
  if (items !== undefined) memberProblems(items, [...path, 'items'], problems, depth + 1)
}

const typeMessage = (given: unknown): string =>
  `unknown type ${quoted(given)}${typeof given === 'string' ? didYouMean(given, memberTypes) : ''}; known are ${memberTypes.join(', ')}`

/**
 * How a detail departs from its schema: one lower-case sentence per member, at most 16; empty when it fits. `isPersonal` leaves
 * values out of the sentences.
 */
export function detailProblems(schema: DetailSchema, detail: unknown, isPersonal = false): readonly string[] {
  const problems: string[] = []
  check(schema, detail, 'detail', problems, isPersonal)
  return problems.slice(0, 16)
}

function check(
  schema: MemberSchema,
  value: unknown,
  at: string,
  problems: string[],
  isPersonal: boolean,
): void {
  if (problems.length >= 16) return
  if (typeof schema === 'string') {
    if (!hasType(value, schema)) problems.push(`${at} must be ${article(schema)}, not ${typeName(value)}`)
    return
  }
  const { properties, required, additionalProperties } = schema
  if (schema.type !== undefined) {
    const types = typeof schema.type === 'string' ? [schema.type] : schema.type
    if (!types.some((type) => hasType(value, type))) {
      return void problems.push(`${at} must be ${types.map(article).join(' or ')}, not ${typeName(value)}`)
    }
  }
  if ('enum' in schema && schema.enum !== undefined && !schema.enum.some((choice) => choice === value)) {
    const found = isPersonal ? '' : `, not ${quoted(value)}`
    return void problems.push(`${at} must be one of ${schema.enum.map(quoted).join(', ')}${found}`)
  }
  if ('items' in schema && schema.items !== undefined && Array.isArray(value)) {
    const { items } = schema
    value.forEach((item, index) => check(items, item, `${at}[${index}]`, problems, isPersonal))
  }
  if (!isRecord(value)) return
  for (const name of required ?? []) if (value[name] === undefined) problems.push(`${at}.${name} is missing`)
  for (const name of Object.keys(value)) {
    const member = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined
    if (member !== undefined && value[name] !== undefined)
      check(member, value[name], `${at}.${name}`, problems, isPersonal)
    else if (member === undefined && additionalProperties === false) {
      problems.push(`${at}.${name} is not a member${didYouMean(name, Object.keys(properties ?? {}))}`)
    }
  }
}

function hasType(value: unknown, type: MemberType): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value)
    case 'null':
      return value === null
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint'
    case 'object':
      return isRecord(value)
    // A Date, BigInt or URL is written as text.
    case 'string':
      return (
        typeof value === 'string' ||
        value instanceof Date ||
        typeof value === 'bigint' ||
        value instanceof URL
      )
    default:
      return typeof value === type
  }
}

const article = (type: MemberType): string =>
  type === 'null' ? 'null' : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
const typeName = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : value === undefined
        ? 'missing'
        : `a ${typeof value}`.replace('a object', 'an object')
const isMemberType = (value: unknown): value is MemberType =>
  (memberTypes as readonly unknown[]).includes(value)
const isScalar = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)
const isListOfNames = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((name) => typeof name === 'string' && name !== '') &&
  new Set(value).size === value.length

/** True for an object that is not an array. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value as it may stand in a sentence: short, in quotes when it is text. */
export function quoted(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return shortened(JSON.stringify(value))
  return typeof value === 'number' || typeof value === 'boolean' || value === null
    ? String(value)
    : typeName(value)
}

const shortened = (text: string): string => (text.length > 64 ? `${text.slice(0, 60)}…"` : text)
