// SPDX-License-Identifier: Apache-2.0
/** Reading what a server sent: every member may be anything. */
import type { Json } from './observed-fetch.ts'

export const objectAt = (json: Json | undefined, name: string): Json | undefined => {
  const value = json?.[name]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

export const listAt = (json: Json | undefined, name: string): readonly Json[] => {
  const value = json?.[name]
  return Array.isArray(value)
    ? value.filter((item): item is Json => typeof item === 'object' && item !== null)
    : []
}

export const textAt = (json: Json | undefined, name: string): string | undefined => {
  const value = json?.[name]
  return typeof value === 'string' ? value : undefined
}

/** A count: a whole number from zero on. */
export const countAt = (json: Json | undefined, name: string): number | undefined => {
  const value = json?.[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
