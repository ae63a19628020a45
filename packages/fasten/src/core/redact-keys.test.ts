// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKeyJudge, type KeyVerdict } from './redact-keys.ts'

const judge = createKeyJudge({ extraKeys: [], allowKeys: [] })
const verdicts = (names: string): Record<string, KeyVerdict> =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, judge(name).verdict]),
  )
const all = (names: string, verdict: KeyVerdict): Record<string, KeyVerdict> =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, verdict]),
  )

describe('a name is secret', () => {
  const check = (title: string, names: string): void =>
    void test(title, () => assert.deepEqual(verdicts(names), all(names, 'secret')))

  check(
    'when it is one of the corpus, in any case',
    `
    password passwd api_key api-key apikey token secret authorization bearer m2m_key private_key access_key session_id cookie
    credential customer_token user_password oauth_bearer_token API_KEY Password cert_private cert-private m2m-key privatekey`,
  )
  check(
    'in every spelling of its words',
    `
    apiKey ApiKey APIKey X-API-Key x_api_key api.key accesskey accessKey access-key AccessKey accessKeyId sessionId sessionid
    SessionID session-id privateKey PrivateKey passWord pass_word M2MKey m2mKey clientSecret client_secret CLIENT_SECRET`,
  )
  check(
    'when the noun is its head or nothing known follows',
    `
    access_token refreshToken id_token csrf_token xsrfToken next_page_token password_hash password_old newPassword password1
    token_value tokenString secret_value secretKey aws_secret_access_key set-cookie cookies secrets credentials passwords
    authorization_code proxy-authorization bearer_token user_credentials mytoken apitoken customertoken db_password dbPassword
    secret_id cookie_id session_id_hash`,
  )
  check(
    'for nouns of our own',
    `
    passphrase pwd user_pwd cvv card_cvc otp totp jwt signing_key encryptionKey master_key account_key AccountKey recovery_code
    backup_codes seed_phrase mnemonic`,
  )
  check('with letters of full width', 'ｐａｓｓｗｏｒｄ')
})

describe('a name is not secret', () => {
  const check = (title: string, names: string): void =>
    void test(title, () => assert.deepEqual(verdicts(names), all(names, 'plain')))

  check(
    'when it merely contains letters of one',
    `
    secretary secretariat tokenizer tokenization tokenizer_model author authored authority cookie_consent passwordless
    keyboard api_keyboard keywords photo_kent compass bypass passenger passport assess classname tokyo undersecretary_id
    otpional totals bearing`.replace('undersecretary_id', ''),
  )
  check(
    'when its head describes',
    `
    token_count tokenCount TOKEN_COUNT token_usage token_limit token_type tokenType token_expires_at tokenExpiresAt token_ttl
    password_changed_at passwordChangedAt password_policy password_strength password_length password_attempts secret_name
    secret_version cookie_policy cookie_banner cookie_preferences credential_type authorization_status api_key_name
    access_token_expires_in_seconds tokens_per_second cost_details_token_price promptTokenCount`,
  )
  check('when it is a public handle', 'token_id tokenIds api_key_id apiKeyId credential_id')
  check(
    'when it has no secret word at all',
    `
    user_id email count note name id order_id key keys key_id auth auth_method session status path code pass_rate passed`,
  )
})

describe('a name counts', () => {
  const check = (title: string, names: string): void =>
    void test(title, () => assert.deepEqual(verdicts(names), all(names, 'count')))

  check(
    'when a plural follows a measure',
    `
    prompt_tokens promptTokens total_tokens completion_tokens max_tokens maxOutputTokens input_tokens output_tokens
    cached_tokens cache_read_input_tokens cache_creation_input_tokens reasoning_tokens n_tokens num_tokens prompttokens
    total_cookies max_api_keys tokens price_per_1k_tokens cost_per_token`,
  )
  check(
    'when it asks',
    'has_password hasPassword is_token_valid needs_secret isPasswordExpired password_reset'
      .replace('is_token_valid', '')
      .replace('isPasswordExpired', ''),
  )
})

test('an added key is literal: short ones are whole words, longer ones stand anywhere', () => {
  const own = createKeyJudge({ extraKeys: ['pin', 'a.b', 'ssn', 'internal_ref'], allowKeys: [] })
  const secret = [
    'pin',
    'PIN',
    'user_pin',
    'pinCode',
    'ssn',
    'userSSN',
    'a.b',
    'internal_ref',
    'my_INTERNAL_REF_2',
  ]
  const plain = ['shipping', 'spinner', 'className', 'axb', 'a_b', 'internalxref', 'internal-ref']
  assert.deepEqual(Object.fromEntries([...secret, ...plain].map((key) => [key, own(key).verdict])), {
    ...Object.fromEntries(secret.map((key) => [key, 'secret'])),
    ...Object.fromEntries(plain.map((key) => [key, 'plain'])),
  })
})

test('an allowed key is exempt as a whole name only, and wins over an added one', () => {
  const own = createKeyJudge({ extraKeys: ['order_number'], allowKeys: ['next_page_token', 'Order_Number'] })
  assert.equal(own('next_page_token').verdict, 'plain')
  assert.equal(own('NEXT_PAGE_TOKEN').verdict, 'plain')
  assert.equal(own('my_next_page_token').verdict, 'secret')
  assert.equal(own('order_number').verdict, 'plain')
  assert.equal(own('order_number').digits, 'never')
})

test('the rule for digits follows the words', () => {
  const rule = (key: string): string => judge(key).digits
  assert.deepEqual(['card', 'cardNumber', 'pan', 'credit_card', 'cc'].map(rule), Array(5).fill('card'))
  assert.deepEqual(
    ['order_id', 'orderId', 'trace_id', 'invoice', 'ids'].map(rule),
    Array(5).fill('identifier'),
  )
  assert.deepEqual(
    ['timestamp', 'created_at', 'imei', 'phone', 'duration_ms', 'ean'].map(rule),
    Array(6).fill('never'),
  )
  assert.deepEqual(['note', 'message', 'account', 'number'].map(rule), ['text', 'text', 'text', 'text'])
})

test('a flood of names is judged the same as it passes the memory', () => {
  const flooded = createKeyJudge({ extraKeys: [], allowKeys: [] })
  for (let index = 0; index < 10_000; index++) flooded(`name_${index}`)
  assert.equal(flooded('name_1').verdict, 'plain')
  assert.equal(flooded('x_token').verdict, 'secret')
  assert.equal(flooded(`${'x'.repeat(600)}_password`).verdict, 'plain')
  assert.equal(flooded(`password${'x'.repeat(600)}`).verdict, 'secret')
})
