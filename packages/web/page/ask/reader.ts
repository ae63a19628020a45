// SPDX-License-Identifier: Apache-2.0
import { remoteReader, type Reader } from 'fasten/reader/remote'

/** The reader's API of the server that served these pages. Its word on a row's state is shown as the server's, never as proven: proofs are in `truth/`. */
export const createReader = (origin: string): Reader => remoteReader({ url: `${origin}/api/v1` })
