<?xml version="1.0" encoding="UTF-8"?>
<!-- INVOIC02 as invoices. The sold-to party (AG) names the partner; the price of a line is its net value (E1EDP26,
     003) by its quantity, the total what is billed (E1EDS01, 011). -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns="urn:edi-gateway:invoice:1">

  <xsl:template match="/">
    <documents xmlns="urn:edi-gateway:documents:1"><xsl:apply-templates select="/INVOIC02/IDOC"/></documents>
  </xsl:template>

  <xsl:template match="IDOC">
    <invoice>
      <xsl:if test="E1EDKA1[PARVW = 'AG']/PARTN">
        <partner_id>
          <xsl:value-of select="translate(E1EDKA1[PARVW = 'AG']/PARTN, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"/>
        </partner_id>
      </xsl:if>
      <xsl:if test="EDI_DC40/TEST = 'X'"><test>true</test></xsl:if>
      <invoice_number><xsl:value-of select="E1EDK01/BELNR"/></invoice_number>
      <kind>
        <xsl:choose>
          <xsl:when test="E1EDK01/BSART = 'CRME'">credit_note</xsl:when>
          <xsl:otherwise>invoice</xsl:otherwise>
        </xsl:choose>
      </kind>
      <purpose>original</purpose>
      <invoice_date>
        <xsl:call-template name="date"><xsl:with-param name="text" select="E1EDK03[IDDAT = '012']/DATUM"/></xsl:call-template>
      </invoice_date>
      <xsl:if test="E1EDK02[QUALF = '001']"><po_number><xsl:value-of select="E1EDK02[QUALF = '001']/BELNR"/></po_number></xsl:if>
      <xsl:if test="E1EDK18[QUALF = '003']/TAGE"><terms><type>basic</type><net_days><xsl:value-of select="number(E1EDK18[QUALF = '003']/TAGE)"/></net_days></terms></xsl:if>
      <lines>
        <xsl:for-each select="E1EDP01">
          <line>
            <line_no><xsl:value-of select="number(POSEX)"/></line_no>
            <ids>
              <xsl:for-each select="E1EDP19[QUALF = '001']"><id type="asin"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
              <xsl:for-each select="E1EDP19[QUALF = '002']"><id type="vendor_sku"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
              <xsl:for-each select="E1EDP19[QUALF = '003']"><id type="ean"><xsl:value-of select="IDTNR"/></id></xsl:for-each>
            </ids>
            <xsl:if test="number(MENGE) != number(MENGE)">
              <xsl:message terminate="yes">Line <xsl:value-of select="POSEX"/>: the quantity <xsl:value-of select="MENGE"/> (MENGE) is no number.</xsl:message>
            </xsl:if>
            <quantity>
              <value><xsl:value-of select="normalize-space(MENGE)"/></value>
              <uom>
                <xsl:choose>
                  <xsl:when test="MENEE = 'PCE'">EA</xsl:when>
                  <xsl:when test="MENEE = 'CS'">CA</xsl:when>
                  <xsl:when test="string-length(MENEE) = 2"><xsl:value-of select="MENEE"/></xsl:when>
                  <xsl:otherwise><xsl:message terminate="yes">Line <xsl:value-of select="POSEX"/>: unit <xsl:value-of select="MENEE"/> is not known; write its X12 code into the stylesheet, as it has EA for PCE.</xsl:message></xsl:otherwise>
                </xsl:choose>
              </uom>
            </quantity>
            <unit_price>
              <amount>
                <xsl:choose>
                  <xsl:when test="VPREI"><xsl:value-of select="normalize-space(VPREI)"/></xsl:when>
                  <xsl:otherwise>
                    <!-- Only what comes out even: a rounded price would be another one. -->
                    <xsl:variable name="price" select="format-number(E1EDP26[QUALF = '003']/BETRG div MENGE, '0.00####')"/>
                    <xsl:if test="format-number($price * MENGE, '0.00####') != format-number(E1EDP26[QUALF = '003']/BETRG, '0.00####')">
                      <xsl:message terminate="yes">Line <xsl:value-of select="POSEX"/>: the net value <xsl:value-of select="E1EDP26[QUALF = '003']/BETRG"/> by the quantity <xsl:value-of select="MENGE"/> is no price; give VPREI.</xsl:message>
                    </xsl:if>
                    <xsl:value-of select="$price"/>
                  </xsl:otherwise>
                </xsl:choose>
              </amount>
            </unit_price>
          </line>
        </xsl:for-each>
      </lines>
      <total><amount><xsl:value-of select="normalize-space((E1EDS01[SUMID = '011'] | E1EDS01[SUMID = '010'][not(../E1EDS01[SUMID = '011'])])/SUMME)"/></amount></total>
    </invoice>
  </xsl:template>

  <xsl:template name="date">
    <xsl:param name="text"/>
    <xsl:value-of select="concat(substring($text, 1, 4), '-', substring($text, 5, 2), '-', substring($text, 7, 2))"/>
  </xsl:template>
</xsl:stylesheet>
