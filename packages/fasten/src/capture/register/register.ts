// SPDX-License-Identifier: Apache-2.0
/**
 * `node --import fasten/register app.js`: an application that knows nothing of fasten gets ids, and rows where it serves HTTP. Unlike every other
 * door this one acts when it is imported; that is what it is for. What it does is said by `FASTEN_*` variables.
 */
import { processEnv } from '../config.ts'
import { install } from './install.ts'

install(processEnv(), import.meta.url)
