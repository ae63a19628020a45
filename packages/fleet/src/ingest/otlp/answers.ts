// SPDX-License-Identifier: Apache-2.0
import protobuf from 'protobufjs/minimal.js'

/** How the messages of one request and its answer are written. */
export type OtlpEncoding = 'protobuf' | 'json'

export const mediaTypeOf: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/** `ExportLogsPartialSuccess`; with neither, everything was taken. */
export interface PartialSuccess {
  readonly rejected: number
  /** For people. */
  readonly message: string
}

/** `ExportLogsServiceResponse`: 1 partial_success {1 rejected_log_records, 2 error_message}, which is not there when everything was taken. */
export function exportResponse(encoding: OtlpEncoding, { rejected, message }: PartialSuccess): Buffer {
  const isFull = rejected === 0 && message === ''
  if (encoding === 'json') {
    const partialSuccess = { rejectedLogRecords: String(rejected), errorMessage: message }
    return Buffer.from(JSON.stringify(isFull ? {} : { partialSuccess }))
  }
  const writer = protobuf.Writer.create()
  if (!isFull) {
    writer.uint32(10).fork()
    if (rejected > 0) writer.uint32(8).int64(rejected)
    if (message !== '') writer.uint32(18).string(message)
    writer.ldelim()
  }
  return Buffer.from(writer.finish())
}

/** `google.rpc.Status`: 1 code, 2 message. What clients act on is the HTTP status. */
export function statusMessage(encoding: OtlpEncoding, status: number, message: string): Buffer {
  const code = rpcCodes[status] ?? (status >= 500 ? 13 : 3)
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }))
  return Buffer.from(protobuf.Writer.create().uint32(8).int32(code).uint32(18).string(message).finish())
}

/** google.rpc.Code: 3 invalid argument, 7 permission denied, 8 resource exhausted, 12 unimplemented, 14 unavailable, 16 unauthenticated. */
const rpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  413: 8,
  415: 12,
  429: 8,
  503: 14,
}
