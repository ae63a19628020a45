// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'

/** Tenants by name, `_` for the rows that have none, or `all`. */
export const tenantScope = z.union([
  z.literal('all'),
  z
    .array(z.string().regex(/^[^\p{Cc}]{1,128}$/u, 'is 1 to 128 printable characters'))
    .min(1)
    .max(1000),
])

/** Codes, each exact or a prefix that ends in `*`. */
export const codePatterns = z
  .array(z.string().regex(/^[A-Za-z0-9_.:-]{1,128}\*?$/, 'is a code, or the beginning of one and a *'))
  .min(1)
  .max(100)
