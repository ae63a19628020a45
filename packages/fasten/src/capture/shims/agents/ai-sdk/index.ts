// SPDX-License-Identifier: Apache-2.0
// The AI SDK (`ai`): a middleware for its models, a wrapper for its tools.
export { modelMiddleware, type AiSdkMiddleware, type AiSdkOptions } from './model-middleware.ts'
export { instrumentTools, type AiSdkToolOptions } from './instrument-tools.ts'
export { recordApprovals } from './approvals.ts'
