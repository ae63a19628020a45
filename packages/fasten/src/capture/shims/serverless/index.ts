// SPDX-License-Identifier: Apache-2.0

// AWS Lambda.
export { eachSqsRecord, wrapLambda } from './lambda.ts'

// Azure Functions, CloudEvents, and what takes a Request.
export { wrapAzureHttp, wrapEvent, wrapFetchFunction } from './functions.ts'

// For senders: a message with ids.
export { sqsCarrier } from './carriers.ts'

export type { AzureRequest } from './functions.ts'
export type { LambdaCallback, LambdaContext, SqsBatchResponse } from './lambda.ts'
export type { ServerlessOptions, ServerlessRecorder } from './flushing.ts'
export type { SqsRecord } from './carriers.ts'
