// SPDX-License-Identifier: Apache-2.0

// Listeners run in the context of whoever made the emitter …
export { bindEmitter } from './bind.ts'
// … or of whoever added them.
export { bindListener } from './bind.ts'
export { bindListeners } from './registering.ts'

export type { Emitter, Target } from './bind.ts'
export type { ListenedEmitter } from './registering.ts'
