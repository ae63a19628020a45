// SPDX-License-Identifier: Apache-2.0
import type { NodesDeps } from '../../nodes/nodes-deps.ts'
import type { TokenSeal } from './token-seal.ts'

/** What administering sources works with. */
export interface SourcesDeps extends NodesDeps {
  readonly tokens: TokenSeal
}
