<?xml version="1.0" encoding="UTF-8"?>
<!-- ORDERS05 as purchase orders of the gateway. The sold-to party (AG) names the partner. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns="urn:edi-gateway:purchase_order:1">

  <xsl:template match="/">
    <documents xmlns="urn:edi-gateway:documents:1"><xsl:apply-templates select="/ORDERS05/IDOC"/></documents>
  </xsl:template>

  <xsl:template match="IDOC">
    <purchase_order>
      <xsl:if test="E1EDKA1[PARVW = 'AG']/PARTN">
        <partner_id>
          <xsl:value-of select="translate(E1EDKA1[PARVW = 'AG']/PARTN, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"/>
        </partner_id>
      </xsl:if>
      <xsl:if test="EDI_DC40/TEST = 'X'"><test>true</test></xsl:if>
      <po_number><xsl:value-of select="E1EDK02[QUALF = '001']/BELNR | E1EDK01[not(../E1EDK02[QUALF = '001'])]/BELNR"/></po_number>
      <purpose>
        <xsl:choose>
          <xsl:when test="E1EDK01/ACTION = '003'">cancel</xsl:when>
          <xsl:when test="E1EDK01/ACTION = '002'">change</xsl:when>
          <xsl:otherwise>original</xsl:otherwise>
        </xsl:choose>
      </purpose>
      <po_type>regular</po_type>
      <ordered_at>
        <xsl:call-template name="date"><xsl:with-param name="text" select="E1EDK03[IDDAT = '012']/DATUM"/></xsl:call-template>
      </ordered_at>
      <xsl:if test="E1EDK03[IDDAT = '002']">
        <requested_delivery_at>
          <xsl:call-template name="date"><xsl:with-param name="text" select="E1EDK03[IDDAT = '002']/DATUM"/></xsl:call-template>
        </requested_delivery_at>
      </xsl:if>
      <xsl:if test="E1EDKA1[PARVW = 'WE']">
        <parties>
          <xsl:for-each select="E1EDKA1[PARVW = 'WE']">
            <party>
              <role>ship_to</role>
              <xsl:if test="PARTN"><id_scheme>buyer_assigned</id_scheme><id><xsl:value-of select="PARTN"/></id></xsl:if>
              <xsl:if test="NAME1"><name><xsl:value-of select="NAME1"/></name></xsl:if>
              <xsl:if test="ORT01">
                <address>
                  <xsl:if test="STRAS"><lines><line><xsl:value-of select="STRAS"/></line></lines></xsl:if>
                  <city><xsl:value-of select="ORT01"/></city>
                  <xsl:if test="REGIO"><state><xsl:value-of select="REGIO"/></state></xsl:if>
                  <xsl:if test="PSTLZ"><postal_code><xsl:value-of select="PSTLZ"/></postal_code></xsl:if>
                  <xsl:if test="LAND1"><country><xsl:value-of select="LAND1"/></country></xsl:if>
                </address>
              </xsl:if>
            </party>
          </xsl:for-each>
        </parties>
      </xsl:if>
      <lines>
        <xsl:for-each select="E1EDP01">
          <line>
            <line_no><xsl:value-of select="POSEX"/></line_no>
            <quantity>
              <value><xsl:value-of select="normalize-space(MENGE)"/></value>
              <uom>
                <xsl:choose>
                  <xsl:when test="MENEE = 'CS'">CA</xsl:when>
                  <xsl:when test="MENEE = 'PCE'">EA</xsl:when>
                  <xsl:otherwise><xsl:value-of select="MENEE"/></xsl:otherwise>
                </xsl:choose>
              </uom>
            </quantity>
            <xsl:if test="VPREI"><unit_price><amount><xsl:value-of select="normalize-space(VPREI)"/></amount></unit_price></xsl:if>
            <xsl:if test="E1EDP19[QUALF = '001' or QUALF = '002' or QUALF = '003']">
              <ids>
                <xsl:for-each select="E1EDP19[QUALF = '001']"><id type="asin"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
                <xsl:for-each select="E1EDP19[QUALF = '002']"><id type="vendor_sku"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
                <xsl:for-each select="E1EDP19[QUALF = '003']"><id type="ean"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
              </ids>
            </xsl:if>
          </line>
        </xsl:for-each>
      </lines>
    </purchase_order>
  </xsl:template>

  <xsl:template name="date">
    <xsl:param name="text"/>
    <xsl:value-of select="concat(substring($text, 1, 4), '-', substring($text, 5, 2), '-', substring($text, 7, 2))"/>
  </xsl:template>
</xsl:stylesheet>
