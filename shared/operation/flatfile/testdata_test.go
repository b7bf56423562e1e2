package flatfile_test

// delimited is an order as the schema editor writes it: a header with a tag, lines
// that repeat, a total; numbers in hexadecimal, an attribute, wrap and escape
// characters.
const delimited = `<?xml version="1.0" encoding="utf-16"?>
<xs:schema xmlns="urn:order" xmlns:b="http://schemas.microsoft.com/BizTalk/2003" targetNamespace="urn:order" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:annotation><xs:appinfo>
  <b:schemaInfo standard="Flat File" codepage="65001" default_pad_char=" " pad_char_type="char" count_positions_by_byte="false" parser_optimization="speed" lookahead_depth="3" suppress_empty_nodes="false" generate_empty_nodes="true" allow_early_termination="false" root_reference="Order" />
 </xs:appinfo></xs:annotation>
 <xs:element name="Order">
  <xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter_type="hex" child_delimiter="0xD 0xA" child_order="infix" sequence_number="1" preserve_delimiter_for_empty_data="true" suppress_trailing_delimiters="false" /></xs:appinfo></xs:annotation>
  <xs:complexType><xs:sequence>
   <xs:annotation><xs:appinfo><b:groupInfo sequence_number="0" /></xs:appinfo></xs:annotation>
   <xs:element name="Head">
    <xs:annotation><xs:appinfo><b:recordInfo tag_name="HEAD" structure="delimited" child_delimiter_type="char" child_delimiter="|" child_order="prefix" sequence_number="1" /></xs:appinfo></xs:annotation>
    <xs:complexType>
     <xs:sequence>
      <xs:element name="Number" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo justification="left" sequence_number="2" /></xs:appinfo></xs:annotation></xs:element>
      <xs:element name="Note" type="xs:string" minOccurs="0"><xs:annotation><xs:appinfo><b:fieldInfo justification="left" sequence_number="3" /></xs:appinfo></xs:annotation></xs:element>
     </xs:sequence>
     <xs:attribute name="version" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo sequence_number="1" /></xs:appinfo></xs:annotation></xs:attribute>
    </xs:complexType>
   </xs:element>
   <xs:element minOccurs="1" maxOccurs="unbounded" name="Line" type="Line">
    <xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter_type="char" child_delimiter="," child_order="infix" escape_char="\" escape_char_type="char" sequence_number="2" /></xs:appinfo></xs:annotation>
   </xs:element>
   <xs:element name="Total" type="xs:decimal"><xs:annotation><xs:appinfo><b:fieldInfo justification="right" pad_char_type="char" pad_char="0" sequence_number="3" /></xs:appinfo></xs:annotation></xs:element>
  </xs:sequence></xs:complexType>
 </xs:element>
 <xs:complexType name="Line"><xs:sequence>
  <xs:element name="Sku" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo sequence_number="1" /></xs:appinfo></xs:annotation></xs:element>
  <xs:element name="Text" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo wrap_char_type="char" wrap_char="&quot;" sequence_number="2" /></xs:appinfo></xs:annotation></xs:element>
 </xs:sequence></xs:complexType>
</xs:schema>`

// positional is a file of lines with fixed columns: two kinds of lines told apart by
// their tags, any number of both.
const positional = `<xs:schema xmlns="urn:pay" xmlns:b="http://schemas.microsoft.com/BizTalk/2003" targetNamespace="urn:pay" elementFormDefault="qualified" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:annotation><xs:appinfo><b:schemaInfo standard="Flat File" root_reference="Pay" default_pad_char=" " pad_char_type="char" generate_empty_nodes="false" suppress_empty_nodes="true"/></xs:appinfo></xs:annotation>
 <xs:element name="Pay">
  <xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter_type="hex" child_delimiter="0x0A" child_order="postfix"/></xs:appinfo></xs:annotation>
  <xs:complexType><xs:choice maxOccurs="unbounded">
   <xs:element name="In"><xs:annotation><xs:appinfo><b:recordInfo tag_name="I" structure="positional"/></xs:appinfo></xs:annotation>
    <xs:complexType><xs:sequence>
     <xs:element name="Name" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo pos_offset="1" pos_length="6" justification="left"/></xs:appinfo></xs:annotation></xs:element>
     <xs:element name="Amount" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo pos_length="5" justification="right" pad_char="0" pad_char_type="char"/></xs:appinfo></xs:annotation></xs:element>
    </xs:sequence></xs:complexType></xs:element>
   <xs:element name="Out"><xs:annotation><xs:appinfo><b:recordInfo tag_name="O" structure="positional"/></xs:appinfo></xs:annotation>
    <xs:complexType><xs:sequence><xs:element name="Name" type="xs:string"><xs:annotation><xs:appinfo><b:fieldInfo pos_length="4"/></xs:appinfo></xs:annotation></xs:element></xs:sequence></xs:complexType></xs:element>
  </xs:choice></xs:complexType>
 </xs:element>
</xs:schema>`

// grouped has records without a delimiter of their own kind: each order is a header
// and lines, all in one row of lines.
const grouped = `<xs:schema xmlns:b="http://schemas.microsoft.com/BizTalk/2003" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:annotation><xs:appinfo><b:schemaInfo standard="Flat File" default_child_delimiter="0x3B" default_child_delimiter_type="hex" default_child_order="infix"/></xs:appinfo></xs:annotation>
 <xs:element name="Orders">
  <xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter_type="char" child_delimiter="/" child_order="infix"/></xs:appinfo></xs:annotation>
  <xs:complexType><xs:sequence>
   <xs:element name="Order" maxOccurs="unbounded"><xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter_type="char" child_delimiter="/" child_order="infix"/></xs:appinfo></xs:annotation>
    <xs:complexType><xs:sequence>
     <xs:element name="H"><xs:annotation><xs:appinfo><b:recordInfo tag_name="H" structure="delimited" child_delimiter_type="default" child_order="infix"/></xs:appinfo></xs:annotation>
      <xs:complexType><xs:sequence><xs:element name="A" type="xs:string"/><xs:element name="B" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
     <xs:element name="L" minOccurs="0" maxOccurs="unbounded"><xs:annotation><xs:appinfo><b:recordInfo tag_name="L" structure="delimited" child_delimiter_type="default" child_order="infix"/></xs:appinfo></xs:annotation>
      <xs:complexType><xs:sequence><xs:element name="A" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType>
 </xs:element>
</xs:schema>`
