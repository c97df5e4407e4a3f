"""The checks of 08 that are about requests whose body has no clear end: they
are rejected."""

from .heads import BAD, LARGE, SERVED_OR_NOT, field, make_refusal
from harness.web import chunked, request


def length(value, body=b'hello'):
    return field(f'Content-Length: {value}', body)


def coding(*values, body=chunked(b'hello')):
    return field('\r\n'.join(f'Transfer-Encoding: {value}' for value in values),
                 body)


CODINGS = {400, 501}
FRAMING = [  # rows as in heads.py
    ('length_plus', 'a sign in Content-Length',
     length('+5'), BAD),
    ('length_minus', 'a negative Content-Length',
     length('-5'), BAD),
    ('length_colon', 'a colon in Content-Length',
     length('5:'), BAD),
    ('length_minus_zero', 'a sign in Content-Length',
     length('-0', b''), BAD),
    ('length_hex', 'a Content-Length in hexadecimal',
     length('0x5'), BAD),
    ('length_empty', 'an empty Content-Length',
     length(''), {}),
    ('length_word', 'a Content-Length that is a word',
     length('five'), BAD),
    ('length_fraction', 'a decimal point in Content-Length',
     length('5.0'), BAD),
    ('length_rest', 'text after the number in Content-Length',
     length('5 bytes'), BAD),
    ('length_two', 'two numbers in Content-Length',
     length('5 5'), BAD),
    ('length_list', 'two different values in one Content-Length',
     length('5, 6'), BAD),
    ('length_list_end', 'an empty element in Content-Length',
     length('5,'), {}),
    ('length_list_begin', 'an empty element in Content-Length',
     length(',5'), {}),
    ('lengths', 'two different Content-Lengths',
     field('Content-Length: 5\r\nContent-Length: 6', b'hello'), BAD),
    ('length_2_63', 'a Content-Length of 2 to the 63rd',
     length(2**63), LARGE),
    ('length_2_64', 'a Content-Length that overflows to 3',
     length(2**64 + 3, b'hel'), LARGE),
    ('length_endless', 'a Content-Length of 100 digits',
     length('9' * 100), LARGE),
    ('length_and_coding',
     'Content-Length and Transfer-Encoding',
     field('Content-Length: 5\r\nTransfer-Encoding: chunked', chunked()),
     SERVED_OR_NOT),
    ('zero_length_and_coding',
     'a Content-Length of 0 and Transfer-Encoding',
     field('Content-Length: 0\r\nTransfer-Encoding: chunked', chunked()), {}),
    ('coding_and_length',
     'Transfer-Encoding and Content-Length',
     field('Transfer-Encoding: chunked\r\nContent-Length: 5', chunked()),
     SERVED_OR_NOT),
    ('coding_in_1_0', 'Transfer-Encoding in HTTP/1.0, which does not define it',
     request('/hello.txt', 'Transfer-Encoding: chunked', version='HTTP/1.0',
             body=chunked(b'hello')), {}),
    ('chunked_not_last', 'a coding after chunked',
     coding('chunked, gzip'), CODINGS),
    ('chunked_twice', 'chunked twice',
     coding('chunked, chunked'), {}),
    ('chunked_again', 'chunked in two fields',
     coding('chunked', 'chunked'), {}),
    ('coding_gzip', 'a coding that is not chunked',
     coding('gzip'), CODINGS),
    ('coding_letter', 'a coding of one letter',
     coding('x'), CODINGS),
    ('coding_letter_last', 'a coding of one letter after chunked',
     coding('chunked, x'), CODINGS),
    ('coding_gzip_chunked', 'a coding before chunked',
     coding('gzip, chunked'), {}),
    ('coding_identity', 'a coding that has been withdrawn',
     coding('identity'), CODINGS),
    ('coding_hidden', 'chunked, and another coding in a second field',
     coding('chunked', 'identity'), CODINGS),
    ('coding_before', 'another coding, and chunked in a second field',
     coding('identity', 'chunked'), {}),
    ('coding_xchunked', 'a coding whose name merely ends with "chunked"',
     coding('xchunked'), CODINGS),
    ('coding_chunkedx', 'a coding whose name merely begins with "chunked"',
     coding('chunkedx'), CODINGS),
    ('coding_quoted', 'chunked in quotes',
     coding('"chunked"'), CODINGS),
    ('coding_vertical_tab', 'a vertical tab before chunked',
     coding('\x0bchunked'), CODINGS),
    ('coding_empty', 'an empty Transfer-Encoding',
     coding(''), {}),
]


def chunks(body):
    return coding('chunked', body=body)


CHUNKS = [
    ('chunk_size_word', 'a size that is not a hexadecimal number',
     chunks(b'xyz\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_empty', 'no size',
     chunks(b'\r\n\r\n')),
    ('chunk_size_minus', 'a negative size',
     chunks(b'-5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_plus', 'a sign before the size',
     chunks(b'+5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_0x', '0x before the size',
     chunks(b'0x5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_space', 'a space before the size',
     chunks(b' 5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_rest', 'a letter after the size',
     chunks(b'5x\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_letter', 'a letter before an extension',
     chunks(b'5x;a\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_after_space', 'a space and a letter after the size',
     chunks(b'5 x\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_huge', 'a size of 2 to the 63rd',
     chunks(b'8000000000000000\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_overflow', 'a size that overflows to 5',
     chunks(b'10000000000000005\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_lf', 'a bare LF after the size',
     chunks(b'5\nhello\r\n0\r\n\r\n')),
    ('chunk_size_cr', 'a bare CR after the size',
     chunks(b'5\rhello\r\n0\r\n\r\n')),
    ('chunk_data_lf', 'a bare LF after the data',
     chunks(b'5\r\nhello\n0\r\n\r\n')),
    ('chunk_too_long', 'more data than the size says',
     chunks(b'5\r\nhello, world\r\n0\r\n\r\n')),
    ('chunk_too_short', 'less data than the size says',
     chunks(b'7\r\nhello\r\n0\r\n\r\n')),
    ('chunk_extension_control', 'a control byte in an extension',
     chunks(b'5;a=\x01\r\nhello\r\n0\r\n\r\n')),
    ('chunk_extension_delete', 'a DEL in an extension',
     chunks(b'5;a=\x7f\r\nhello\r\n0\r\n\r\n')),
    ('chunk_extension_lf', 'a bare LF after an extension',
     chunks(b'5;a=b\nhello\r\n0\r\n\r\n')),
    ('chunk_trailer_bad', 'a trailer without a colon',
     chunks(b'0\r\nno colon\r\n\r\n')),
    ('chunk_trailer_lf', 'a bare LF in the trailer',
     chunks(b'0\r\nX: y\n\r\n')),
]
STATUS = {  # where it is not 400
    **dict.fromkeys(['coding_letter', 'coding_gzip', 'coding_gzip_chunked',
                     'coding_identity', 'coding_xchunked', 'coding_chunkedx'],
                    501),
    **dict.fromkeys(['chunked_not_last', 'coding_hidden', 'coding_before',
                     'coding_quoted', 'coding_letter_last'], CODINGS)}

previous = 'body_cut_off'
for row in FRAMING + [row + ({},) for row in CHUNKS]:
    make_refusal(*row, STATUS.get(row[0], 400), True, previous)
    previous = f'refuses_{row[0]}'
