// SPDX-License-Identifier: Apache-2.0
// The Anthropic client (`@anthropic-ai/sdk`).
export { instrumentAnthropic } from './instrument-anthropic.ts'
export type { ClientOptions } from '../model-api/instrument-client.ts'
