// SPDX-License-Identifier: Apache-2.0
// The OpenAI client (`openai`), and whatever speaks its API.
export { instrumentOpenAI } from './instrument-openai.ts'
export type { ClientOptions } from '../model-api/instrument-client.ts'
