// SPDX-License-Identifier: Apache-2.0
// LangChain.js.
export { createCallbackHandler } from './callback-handler.ts'
export { instrumentTool } from './tool-context.ts'

export type { LangChainHandler, LangChainOptions } from './callback-handler.ts'
