// SPDX-License-Identifier: Apache-2.0
import type { Software } from './own-rows.ts'

/** This build, as row 0 of each log names it. A test holds it against package.json. */
export const software: Software = { name: 'fasten', version: '0.1.0' }
