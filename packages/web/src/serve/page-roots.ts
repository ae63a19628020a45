// SPDX-License-Identifier: Apache-2.0

/**
 * The first words of the addresses of pages. A server hands out the page at these and what lies below them, and nowhere else: an address that is
 * none stays unknown to who asks for it.
 */
export const pageRoots = [
  'investigate',
  'requests',
  'rates',
  'entities',
  'nodes',
  'agents',
  'codes',
  'retention',
  'access',
  'trail',
] as const

export type PageRoot = (typeof pageRoots)[number]
