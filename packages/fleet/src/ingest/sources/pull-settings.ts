// SPDX-License-Identifier: Apache-2.0
import { streams } from 'fasten/core'
import { z } from 'zod'

/** How a reader endpoint is asked. */
export const pullSettings = z.strictObject({
  /** Where the reader's endpoints are: `<url>/audit`, `<url>/sys`, `<url>/api`. */
  url: z
    .url({ protocol: /^https?$/, error: 'is an http or https address' })
    .max(2_048)
    .refine((text) => {
      const { username, password, search, hash } = new URL(text)
      return username === '' && password === '' && search === '' && hash === ''
    }, 'has no user, password, query or fragment: the token goes into "token"')
    .transform((text) => text.replace(/\/+$/, '')),
  /** `fasten`: this library's reader. `published`: the reader of the published fasten SDKs, rows of forms 1 and 2. */
  form: z.enum(['fasten', 'published']).default('fasten'),
  streams: z
    .array(z.enum(streams))
    .min(1)
    .max(3)
    .default([...streams])
    .transform((names) => [...new Set(names)]),
  /** Seconds between two looks when there was nothing more. */
  every_s: z.int().min(1).max(86_400).default(15),
  /** Most rows in a second, on average. */
  rows_per_s: z.int().min(1).max(100_000).default(2_000),
  /** Seconds that an answer may take altogether. */
  timeout_s: z.int().min(1).max(300).default(30),
})
export type PullSettings = z.output<typeof pullSettings>

/** What is given anew; everything else stays. */
export const pullChange = z.strictObject({
  url: pullSettings.shape.url.optional(),
  form: z.enum(['fasten', 'published']).optional(),
  streams: z.array(z.enum(streams)).min(1).max(3).optional(),
  every_s: z.int().min(1).max(86_400).optional(),
  rows_per_s: z.int().min(1).max(100_000).optional(),
  timeout_s: z.int().min(1).max(300).optional(),
})
export type PullChange = z.output<typeof pullChange>

/** What a request may carry in a header. */
export const token = z
  .string()
  .regex(/^[\x21-\x7e]{1,4096}$/, 'is up to 4096 printable ASCII characters in one line')
