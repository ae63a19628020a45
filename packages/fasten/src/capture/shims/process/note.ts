// SPDX-License-Identifier: Apache-2.0
import type { Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'

/** The ids beside a message between threads or processes: a plain object of text, which every way of copying keeps. */
export type Note = Readonly<Record<string, unknown>>

export const noteCarrier: Carrier<Note> = createHeaderCarrier<Note>({
  name: 'process',
  method: 'process',
  get: (note, name) => (Object.hasOwn(note, name) ? note[name] : undefined),
  set: (note, name, value) => ({ ...note, [name]: value }),
})

/** What came from outside as a note; anything else carries nothing. */
export const noteOf = (value: unknown): Note =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Note) : {}
