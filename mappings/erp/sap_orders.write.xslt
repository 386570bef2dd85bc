<?xml version="1.0" encoding="UTF-8"?>
<!-- Purchase orders of the gateway as ORDERS05: one IDOC for each. Copy it into mappings/erp of a home to change it. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:po="urn:edi-gateway:purchase_order:1" exclude-result-prefixes="po">

  <xsl:template match="/">
    <ORDERS05><xsl:apply-templates select="descendant-or-self::po:purchase_order"/></ORDERS05>
  </xsl:template>

  <xsl:template match="po:purchase_order">
    <IDOC BEGIN="1">
      <EDI_DC40 SEGMENT="1">
        <TABNAM>EDI_DC40</TABNAM>
        <DIRECT>2</DIRECT>
        <IDOCTYP>ORDERS05</IDOCTYP>
        <MESTYP>ORDERS</MESTYP>
        <xsl:if test="po:test = 'true'"><TEST>X</TEST></xsl:if>
      </EDI_DC40>
      <E1EDK01 SEGMENT="1">
        <ACTION>
          <xsl:choose>
            <xsl:when test="po:purpose = 'cancel'">003</xsl:when>
            <xsl:when test="po:purpose = 'change'">002</xsl:when>
            <xsl:otherwise>000</xsl:otherwise>
          </xsl:choose>
        </ACTION>
        <xsl:if test="po:currency"><CURCY><xsl:value-of select="po:currency"/></CURCY></xsl:if>
        <BELNR><xsl:value-of select="po:po_number"/></BELNR>
      </E1EDK01>
      <E1EDK03 SEGMENT="1">
        <IDDAT>012</IDDAT>
        <DATUM><xsl:value-of select="translate(substring(po:ordered_at, 1, 10), '-', '')"/></DATUM>
      </E1EDK03>
      <xsl:for-each select="(po:requested_delivery_at | po:delivery_window/po:start)[1]">
        <E1EDK03 SEGMENT="1">
          <IDDAT>002</IDDAT>
          <DATUM><xsl:value-of select="translate(substring(., 1, 10), '-', '')"/></DATUM>
        </E1EDK03>
      </xsl:for-each>
      <xsl:if test="po:partner_id">
        <E1EDKA1 SEGMENT="1">
          <PARVW>AG</PARVW>
          <PARTN>
            <xsl:value-of select="translate(po:partner_id, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"/>
          </PARTN>
        </E1EDKA1>
      </xsl:if>
      <xsl:apply-templates select="po:parties/po:party[po:role = 'ship_to' or po:role = 'bill_to' or po:role = 'vendor']"/>
      <E1EDK02 SEGMENT="1">
        <QUALF>001</QUALF>
        <BELNR><xsl:value-of select="po:po_number"/></BELNR>
        <DATUM><xsl:value-of select="translate(substring(po:ordered_at, 1, 10), '-', '')"/></DATUM>
      </E1EDK02>
      <xsl:apply-templates select="po:lines/po:line"/>
      <E1EDS01 SEGMENT="1">
        <SUMID>001</SUMID>
        <SUMME><xsl:value-of select="count(po:lines/po:line)"/></SUMME>
      </E1EDS01>
    </IDOC>
  </xsl:template>

  <xsl:template match="po:party">
    <E1EDKA1 SEGMENT="1">
      <PARVW>
        <xsl:choose>
          <xsl:when test="po:role = 'ship_to'">WE</xsl:when>
          <xsl:when test="po:role = 'bill_to'">RE</xsl:when>
          <xsl:otherwise>LF</xsl:otherwise>
        </xsl:choose>
      </PARVW>
      <xsl:if test="po:id"><PARTN><xsl:value-of select="po:id"/></PARTN></xsl:if>
      <xsl:if test="po:name"><NAME1><xsl:value-of select="substring(po:name, 1, 35)"/></NAME1></xsl:if>
      <xsl:if test="string-length(po:name) &gt; 35"><NAME2><xsl:value-of select="substring(po:name, 36)"/></NAME2></xsl:if>
      <xsl:for-each select="po:address">
        <xsl:if test="po:lines/po:line"><STRAS><xsl:value-of select="po:lines/po:line[1]"/></STRAS></xsl:if>
        <xsl:if test="po:lines/po:line[2]"><STRS2><xsl:value-of select="po:lines/po:line[2]"/></STRS2></xsl:if>
        <xsl:if test="po:city"><ORT01><xsl:value-of select="po:city"/></ORT01></xsl:if>
        <xsl:if test="po:postal_code"><PSTLZ><xsl:value-of select="po:postal_code"/></PSTLZ></xsl:if>
        <xsl:if test="po:country"><LAND1><xsl:value-of select="po:country"/></LAND1></xsl:if>
        <xsl:if test="po:state"><REGIO><xsl:value-of select="po:state"/></REGIO></xsl:if>
      </xsl:for-each>
    </E1EDKA1>
  </xsl:template>

  <xsl:template match="po:line">
    <E1EDP01 SEGMENT="1">
      <POSEX><xsl:value-of select="po:line_no"/></POSEX>
      <MENGE><xsl:value-of select="po:quantity/po:value"/></MENGE>
      <MENEE>
        <xsl:choose>
          <xsl:when test="po:quantity/po:uom = 'CA'">CS</xsl:when>
          <xsl:otherwise><xsl:value-of select="po:quantity/po:uom"/></xsl:otherwise>
        </xsl:choose>
      </MENEE>
      <xsl:if test="po:unit_price/po:amount"><VPREI><xsl:value-of select="po:unit_price/po:amount"/></VPREI></xsl:if>
      <xsl:for-each select="po:ids/po:id">
        <xsl:variable name="qualifier">
          <xsl:choose>
            <xsl:when test="@type = 'asin' or @type = 'buyer_item'">001</xsl:when>
            <xsl:when test="@type = 'vendor_sku'">002</xsl:when>
            <xsl:when test="@type = 'ean' or @type = 'upc' or @type = 'gtin14'">003</xsl:when>
          </xsl:choose>
        </xsl:variable>
        <xsl:if test="string($qualifier)">
          <E1EDP19 SEGMENT="1">
            <QUALF><xsl:value-of select="$qualifier"/></QUALF>
            <IDTNR><xsl:value-of select="."/></IDTNR>
            <xsl:if test="$qualifier = '002' and ../../po:description">
              <KTEXT><xsl:value-of select="substring(../../po:description, 1, 70)"/></KTEXT>
            </xsl:if>
          </E1EDP19>
        </xsl:if>
      </xsl:for-each>
      <xsl:if test="string-length(po:description) &gt; 70">
        <E1EDPT1 SEGMENT="1">
          <TDID>0001</TDID>
          <E1EDPT2 SEGMENT="1"><TDLINE><xsl:value-of select="substring(po:description, 71)"/></TDLINE></E1EDPT2>
        </E1EDPT1>
      </xsl:if>
    </E1EDP01>
  </xsl:template>
</xsl:stylesheet>
